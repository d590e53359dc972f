"""Checks of rows that no estimator has read and validated."""

import numpy as np
from numpy.typing import NDArray

from skae.rows._kinds import RowKind
from skae.rows._rows import Rows
from skae.rows._validation import check_magnitude


def checked_rows(rows: Rows, kind: RowKind) -> Rows:
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
