"""A problem made of rows in memory."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae._scikit_learn import Interval, validate_parameter_constraints
from skae.objectives import Link
from skae.rows._kinds import RowKind
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._summaries import Summaries
from skae.rows._survey import enter_link
from skae.rows._units import Units
from skae.rows._validation import check_magnitude

CONSTRAINTS: dict[str, list[object]] = {
    "kind": [RowKind],
    "random_state": [np.random.RandomState],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "early_stopping": ["boolean"],
}


class KnownUnits(NamedTuple):
    """The units of a network that a training goes on from.

    Attributes
    ----------
    seen : Units
        The `units` of the problem that the network has learned.
    target : Units or None
        The `target_units` of this problem. None: rows are their own target.
    """

    seen: Units
    target: Units | None


def make_problem(
    read: Rows,
    kind: RowKind,
    link: Link,
    random_state: np.random.RandomState,
    *,
    validation_fraction: float = 0.1,
    early_stopping: bool = True,
    known_units: KnownUnits | None = None,
    labels: NDArray | None = None,
) -> Problem:
    """Return the problem of rows in memory.

    Parameters
    ----------
    read : Rows
        In their own units, before the link turns them into the network's input.
    kind : RowKind
    link : Link
        The meaning of the network's output: a loss or a likelihood.
    random_state : RandomState
        Draws the held-out rows.
    validation_fraction : float, default=0.1
        Share of the rows that is held out. `learn` wants the value of its `Training`.
    early_stopping : bool, default=True
        Whether rows are held out at all. `learn` wants the value of its `Training`.
    known_units : KnownUnits, default=None
        None: the units are those of these rows.
    labels : array, default=None
        The classes that `read.beside` or `read.target` stand for.

    Raises
    ------
    TypeError
        If the rows are no numpy arrays of numbers.
    ValueError
        If shapes or values of the rows do not fit, or if another argument is not allowed.
    """
    values = {
        "kind": kind,
        "random_state": random_state,
        "validation_fraction": validation_fraction,
        "early_stopping": early_stopping,
    }
    validate_parameter_constraints(CONSTRAINTS, values, "make_problem")
    return assemble_problem(
        _checked(read, kind),
        kind,
        link,
        random_state,
        validation_fraction=validation_fraction,
        early_stopping=early_stopping,
        known_units=known_units,
        labels=labels,
    )


def assemble_problem(
    read: Rows,
    kind: RowKind,
    link: Link,
    random_state: np.random.RandomState,
    *,
    validation_fraction: float,
    early_stopping: bool,
    known_units: KnownUnits | None,
    labels: NDArray | None,
) -> Problem:
    """Return the problem of rows that an estimator has validated; see `make_problem`."""
    rows = enter_link(link, read)
    summaries = kind.summarise(rows)
    units, target_units = choose_units(kind, summaries, read, link, known_units)
    split = kind.split(rows, validation_fraction, random_state, early_stopping)
    return Problem(
        rows=kind.cut(rows),
        units=units,
        target_units=target_units,
        link=link,
        split=split,
        summaries=summaries,
        labels=labels,
        held_out_share=validation_fraction if early_stopping else 0.0,
    )


def choose_units(
    kind: RowKind, summaries: Summaries, read: Rows, link: Link, known: KnownUnits | None
) -> tuple[Units, Units]:
    """Return the units of what is seen and of targets: the known ones, if there are any."""
    units = kind.choose_units(summaries.seen.units) if known is None else known.seen
    if read.target is read.seen:
        n_features = read.target.shape[1]
        return units, units if link.equivariant else Units(np.zeros(n_features), 1.0)
    if known is not None and known.target is not None:
        return units, known.target
    return units, summaries.target.units


def _checked(rows: Rows, kind: RowKind) -> Rows:
    """Return rows that can be learned; a target that equals `seen` becomes the same array.

    Parameters
    ----------
    rows : Rows
        Before the link turns them into the network's input.
    kind : RowKind

    Raises
    ------
    TypeError
        If a part of the rows is no array of numbers.
    ValueError
        If shapes or values do not fit.
    """
    parts = {name: part for name, part in rows._asdict().items() if part is not None}
    for name, part in parts.items():
        _check_numbers(name, part)
    if len({len(part) for part in parts.values()}) > 1:
        lengths = ", ".join(f"{name} has {len(part)}" for name, part in parts.items())
        raise ValueError(f"All arrays of Rows need the same number of rows, but {lengths}.")
    if rows.n_rows < kind.min_rows:
        raise ValueError(
            f"{type(kind).__name__} need at least {kind.min_rows} rows. Got {rows.n_rows}."
        )
    for name, part in parts.items():
        _check_values(name, part)
    # Rows(X[:9], X[:9]) has two arrays, but means one
    if rows.target is not rows.seen and np.array_equal(rows.target, rows.seen):
        rows = rows._replace(target=rows.seen)
    kind.check(rows)
    return rows


def _check_numbers(name: str, part: object) -> None:
    if not isinstance(part, np.ndarray) or part.dtype.kind not in "fiub":
        dtype = f" of dtype {part.dtype}" if isinstance(part, np.ndarray) else ""
        raise TypeError(
            f"The {name} of Rows must be a numpy array of numbers. Got a {type(part).__name__}"
            f"{dtype}."
        )
    if part.ndim == 0 or part.size == 0:
        raise ValueError(f"The {name} of Rows holds no rows: its shape is {part.shape}.")


def _check_values(name: str, part: NDArray) -> None:
    # integers and bools are always finite
    if part.dtype.kind != "f":
        return
    if not np.isfinite(part).all():
        raise ValueError(f"The {name} of Rows contains NaN or infinity.")
    check_magnitude(part, name)
