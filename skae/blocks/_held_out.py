"""Which rows of a table in blocks are held out."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

MIN_BLOCKS = 10
"""With fewer blocks, none can stand for the others: rows of every block are held out."""


class HeldOut:
    """A share of the blocks or, where they are few, of the rows of every block.

    Blocks are held out whole, as neighbouring rows may depend on each other.

    Parameters
    ----------
    share : float
        In [0, 1).
    numbers : sequence of int or None
        Those of the blocks among which to draw. None: unknown.
    seed : int
        Draws the blocks, and the places of rows.
    holds_single : bool, default=False
        Whether a row that is alone is held out, and not learned from.

    Attributes
    ----------
    whole : set of int or None
        Numbers of the blocks that are held out. None: rows of every block are.
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
            n_held_out = min(len(numbers) - 1, ceil(share * len(numbers)))
            self.whole = set(order[:n_held_out].tolist())

    def is_one_sided(self, numbers: Sequence[int]) -> bool:
        """Whether all of these blocks are held out, or none of them, though some should be."""
        if self.whole is None or self.share == 0:
            return False
        return len({number in self.whole for number in numbers}) == 1

    def redrawn(self, numbers: Sequence[int]) -> "HeldOut":
        """Return what is held out if it is drawn among other blocks."""
        return HeldOut(self.share, numbers, self.seed, self.holds_single)

    def find(self, number: int, start: int, n_rows: int) -> NDArray[np.bool_]:
        """Return which rows of a block are held out.

        Parameters
        ----------
        number : int
            Of the block.
        start : int
            Rows in the blocks before it.
        n_rows : int
            Rows in it.
        """
        if self.whole is not None:
            return np.full(n_rows, number in self.whole)
        n_held_out = self._count(start + n_rows) - self._count(start)
        is_held_out = np.zeros(n_rows, bool)
        rng = np.random.default_rng([self.seed, number])
        is_held_out[rng.permutation(n_rows)[:n_held_out]] = True
        return is_held_out

    def _count(self, n_rows: int) -> int:
        """Return how many of the first rows are held out: the share, rounded up, but not all."""
        return min(ceil(self.share * n_rows), max(n_rows - 1, int(self.holds_single)))
