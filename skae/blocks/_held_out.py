"""The choice of held-out rows in a table that is read block by block."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

MIN_BLOCKS = 10
"""With fewer blocks, rows of every block are held out: one block represents the table badly."""


class HeldOut:
    """Holds out a share of the blocks or, with few blocks, a share of the rows of every block.

    Whole blocks are preferred because neighbouring rows may depend on each other.

    Parameters
    ----------
    share : float
        Share of the rows to hold out, in [0, 1).
    numbers : sequence of int or None
        Numbers of the blocks among which to draw. None: not known.
    seed : int
        Seed for drawing the blocks, or the rows of every block.
    holds_single : bool, default=False
        If the table has a single row: True holds it out, False trains on it.

    Attributes
    ----------
    whole : set of int or None
        Numbers of the held-out blocks. None: some rows of every block are held out.
    """

    def __init__(
        self, share: float, numbers: Sequence[int] | None, seed: int, holds_single: bool = False
    ) -> None:
        self.share = share
        self.seed = seed
        self.holds_single = holds_single
        self.whole: set[int] | None = None
        if numbers is not None and len(numbers) >= MIN_BLOCKS:
            order = np.random.default_rng(seed).permutation(numbers)
            # at least one block is left to train on
            n_held_out = min(len(numbers) - 1, ceil(share * len(numbers)))
            self.whole = set(order[:n_held_out].tolist())

    def is_one_sided(self, numbers: Sequence[int]) -> bool:
        """Return whether all of these blocks are held out or none is, though `share` is not 0."""
        if self.whole is None or self.share == 0:
            return False
        return len({number in self.whole for number in numbers}) == 1

    def redrawn(self, numbers: Sequence[int]) -> "HeldOut":
        """Return the same rule with held-out blocks drawn among other numbers."""
        return HeldOut(self.share, numbers, self.seed, self.holds_single)

    def find(self, number: int, start: int, n_rows: int) -> NDArray[np.bool_]:
        """Return a mask of the held-out rows of a block.

        Parameters
        ----------
        number : int
            Number of the block.
        start : int
            Number of rows in the blocks before it.
        n_rows : int
            Number of rows in the block.

        Returns
        -------
        is_held_out : array of bool of shape (n_rows,)
        """
        if self.whole is not None:
            return np.full(n_rows, number in self.whole)
        # a difference of totals, so that rounding does not add up over many small blocks
        n_held_out = self._count(start + n_rows) - self._count(start)
        is_held_out = np.zeros(n_rows, bool)
        # seeded by the block's number, so that every pass holds out the same rows
        rng = np.random.default_rng([self.seed, number])
        is_held_out[rng.permutation(n_rows)[:n_held_out]] = True
        return is_held_out

    def _count(self, n_rows: int) -> int:
        """Return how many of the first rows are held out: their share, rounded up, but not all."""
        return min(ceil(self.share * n_rows), max(n_rows - 1, int(self.holds_single)))
