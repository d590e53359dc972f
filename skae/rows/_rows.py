"""Rows of a table, images or shapes, with their classes or labels."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray


class Rows(NamedTuple):
    """A block of rows, a sample of them, or all of them; in the data's units.

    Attributes
    ----------
    seen : array of shape (n, *shape)
        The numbers that the network is given.
    target : array of shape (n, *shape)
        The numbers that its output is compared with; may be `seen` itself.
    beside : array of shape (n, ...) or None
        Classes or labels of every row, encoded as the network takes them.
    """

    seen: NDArray
    target: NDArray
    beside: NDArray | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.seen)

    @property
    def arrays(self) -> list[NDArray]:
        """The different arrays: `seen`, `target` unless it is `seen`, and `beside` unless None."""
        parts = [self.seen] if self.target is self.seen else [self.seen, self.target]
        return parts if self.beside is None else [*parts, self.beside]

    def with_arrays(self, arrays: list[NDArray]) -> Self:
        """Return rows that consist of other arrays, given in the order of `self.arrays`."""
        seen, *others = arrays
        target = seen if self.target is self.seen else others.pop(0)
        return self._replace(seen=seen, target=target, beside=others[0] if others else None)

    def take(self, rows: NDArray | slice) -> Self:
        """Return some of the rows; if `target` is `seen`, it stays the same array."""
        return self.with_arrays([array[rows] for array in self.arrays])


class Split(NamedTuple):
    """The rows that are learned from, and those that judge; both in random order.

    Attributes
    ----------
    train, valid : array of int
    """

    train: NDArray[np.intp]
    valid: NDArray[np.intp]

    @property
    def all_rows(self) -> NDArray[np.intp]:
        """All rows in random order, so that the first ones stand for the others."""
        return np.concatenate([self.train, self.valid])
