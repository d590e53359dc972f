"""A random sample of rows that are read block by block."""

import numpy as np

from skae.blocks import Reservoir
from skae.rows._reader import Block
from skae.rows._rows import Rows, Split

SAMPLE_BYTES, MAX_SAMPLED = 2**26, 40_000
"""Size of the sample that is kept in memory, held-out rows included."""
HELD_OUT = 0.25
"""Share of the sample that is for held-out rows."""


class Sample:
    """A random sample of the rows to learn from, and one of the held-out rows.

    Parameters
    ----------
    rows : Rows
        Some rows, which have the same shapes and dtypes as the rows to add.
    min_sampled : int
        The sample has room for at least so many rows, even if they are large.
    has_valid : bool
        Whether rows are held out.
    seed : int
        Seed of the draws.
    """

    def __init__(self, rows: Rows, min_sampled: int, has_valid: bool, seed: int) -> None:
        row_bytes = sum(array[:1].nbytes for array in rows._replace(beside=None).arrays)
        size = min(MAX_SAMPLED, max(min_sampled, SAMPLE_BYTES // row_bytes))
        n_valid = int(HELD_OUT * size) if has_valid else 0
        self.rows = rows.with_arrays(
            [np.empty((size, *array.shape[1:]), array.dtype) for array in rows.arrays]
        )
        # views: reservoirs write to the first and to the last places of the arrays
        self.kinds = tuple(
            Reservoir([array[places] for array in self.rows.arrays])
            for places in (slice(n_valid, None), slice(n_valid))
        )
        self.rng = np.random.default_rng(seed)

    @property
    def limits(self) -> tuple[int, int]:
        """Largest numbers of rows to learn from and of held-out rows."""
        of_train, of_valid = self.kinds
        return len(of_train.positions), len(of_valid.positions)

    def add(self, block: Block) -> None:
        """Draw from the rows of a block."""
        for is_meant, kind in zip((~block.is_held_out, block.is_held_out), self.kinds, strict=True):
            kind.add(block.rows.arrays, np.flatnonzero(is_meant), self.rng, block.start)

    def take(self) -> tuple[Rows, Split]:
        """Return the sampled rows, and the places among them to learn from and to hold out."""
        of_train, of_valid = self.kinds
        train, valid = len(of_valid.positions) + of_train.order(), of_valid.order()
        used = np.sort(np.concatenate([valid, train]))
        # a full sample needs no copy
        if len(used) == self.rows.n_rows:
            return self.rows, Split(train, valid)
        places = np.searchsorted(used, train), np.searchsorted(used, valid)
        return self.rows.take(used), Split(*places)
