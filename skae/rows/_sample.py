"""A random sample of rows that come block by block."""

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Reservoir
from skae.rows._reader import Block

SAMPLE_BYTES, MAX_SAMPLED = 2**26, 40_000
"""Of the sample of rows that is kept in memory, the held-out ones among them."""
HELD_OUT = 0.25
"""Share of the sample that is for held-out rows."""


class Sample:
    """Rows to learn from and held-out ones, each drawn from all of their kind.

    Parameters
    ----------
    X : array of shape (n, ...)
        Some rows, for their shape and dtype.
    min_sampled : int
        Rows that there is room for, however large they are.
    has_valid : bool
        Whether rows are held out.
    seed : int
        Draws them.
    """

    def __init__(self, X: NDArray, min_sampled: int, has_valid: bool, seed: int) -> None:
        size = min(MAX_SAMPLED, max(min_sampled, SAMPLE_BYTES // X[:1].nbytes))
        n_valid = int(HELD_OUT * size) if has_valid else 0
        self.places = np.empty((size, *X.shape[1:]), X.dtype)
        self.kinds = Reservoir(self.places[n_valid:]), Reservoir(self.places[:n_valid])
        self.rng = np.random.default_rng(seed)

    @property
    def limits(self) -> tuple[int, int]:
        """At most so many rows to learn from, and held-out ones."""
        of_train, of_valid = self.kinds
        return len(of_train.places), len(of_valid.places)

    def add(self, block: Block) -> None:
        """Take note of more rows."""
        for is_meant, kind in zip((~block.is_held_out, block.is_held_out), self.kinds, strict=True):
            kind.add(block.X, np.flatnonzero(is_meant), self.rng, block.start)

    def take(self) -> tuple[NDArray, NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows, which they are, and places of those to learn from and held-out ones."""
        of_train, of_valid = self.kinds
        train, valid = len(of_valid.places) + of_train.order(), of_valid.order()
        positions = np.concatenate([of_valid.positions, of_train.positions])
        used = np.sort(np.concatenate([valid, train]))
        if len(used) == len(self.places):  # no copy
            return self.places, positions, train, valid
        places = np.searchsorted(used, train), np.searchsorted(used, valid)
        return self.places[used], positions[used], *places
