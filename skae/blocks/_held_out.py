"""Which rows of a table in blocks are held out."""

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
    n_blocks : int or None
        None: unknown.
    seed : int
        Draws the blocks, and the places of rows.
    """

    def __init__(self, share: float, n_blocks: int | None, seed: int) -> None:
        self.share = share
        self.seed = seed
        self.numbers: set[int] | None = None
        if n_blocks is not None and n_blocks >= MIN_BLOCKS:
            order = np.random.default_rng(seed).permutation(n_blocks)
            n_held_out = min(n_blocks - 1, ceil(share * n_blocks))
            self.numbers = set(order[:n_held_out].tolist())

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
        if self.numbers is not None:
            return np.full(n_rows, number in self.numbers)
        # of all rows up to any block's end, the share, rounded up
        n_held_out = ceil(self.share * (start + n_rows)) - ceil(self.share * start)
        is_held_out = np.zeros(n_rows, bool)
        rng = np.random.default_rng([self.seed, number])
        is_held_out[rng.permutation(n_rows)[:n_held_out]] = True
        return is_held_out
