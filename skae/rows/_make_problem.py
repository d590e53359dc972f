"""A problem made of rows in memory."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae._scikit_learn import Interval, validate_parameter_constraints
from skae.objectives import Link
from skae.rows._checks import checked_rows
from skae.rows._kinds import RowKind
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._summaries import Summaries
from skae.rows._survey import enter_link
from skae.rows._units import Units

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
        checked_rows(read, kind),
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
