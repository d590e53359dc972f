"""Collections of dask, whose own schedulers compute one block at a time."""

from collections.abc import Sequence
from itertools import accumulate
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from skae.blocks._blocks import Function, IndexedBlocks, apply_to_rows
from skae.blocks._slices import rows_per_slice


class DaskArray(IndexedBlocks):
    """The blocks of rows of a dask array; small ones are computed several at a time.

    Parameters
    ----------
    array : dask.array.Array of shape (n_rows, ...)
    ends : list of int, default=None
        The numbers of dask's blocks at which others begin, and of all. None: so that those of up to
        `BYTES_PER_SLICE` are together.
    """

    each = "a chunk of dask"

    def __init__(self, array: Any, ends: list[int] | None = None) -> None:
        # rows in one piece
        self.array = array.rechunk(dict.fromkeys(range(1, array.ndim), -1))
        self.ends = ends or _find_ends(self.array.chunks[0], rows_per_slice(self.array))
        super().__init__(len(self.ends) - 1)

    @property
    def is_known(self) -> bool:
        """Whether dask knows how many rows there are."""
        return not any(map(isnan, self.array.chunks[0]))

    @property
    def bounds(self) -> list[int]:
        """The rows at which blocks begin, if they are known, and the number of all."""
        firsts = [0, *accumulate(self.array.chunks[0])]
        return [firsts[end] for end in self.ends]

    def as_stored(self) -> "DaskArray":
        """Return the blocks one by one."""
        return DaskArray(self.array, [*range(self.array.numblocks[0] + 1)])

    def load(self, number: int) -> Any:
        """Compute some blocks."""
        return self.array.blocks[self.ends[number] : self.ends[number + 1]].compute()

    def map(self, function: Function, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """Return a dask array of what a function makes of the blocks."""
        n_dims = 1 + len(shape)
        return self.array.map_blocks(
            apply_to_rows(function, shape, dtype),
            dtype=dtype,
            chunks=(self.array.chunks[0], *((size,) for size in shape)),
            drop_axis=list(range(1, self.array.ndim)),
            new_axis=list(range(1, n_dims)),
            meta=np.empty((0,) * n_dims, dtype),
        )


def _find_ends(sizes: Sequence[float], n_rows: int) -> list[int]:
    """Return where neighbours are parted so that those of up to `n_rows` are together.

    Parameters
    ----------
    sizes : sequence of int or nan
        Rows of each; nan: unknown.
    n_rows : int
    """
    ends, total = [0], 0.0
    for number, size in enumerate(sizes):
        # not so of what is unknown
        if number > ends[-1] and not total + size <= n_rows:
            ends.append(number)
            total = 0.0
        total += size
    return [*ends, len(sizes)]


class DaskFrame(IndexedBlocks):
    """The partitions of a dask dataframe.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    """

    each = "a partition of dask"

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        super().__init__(frame.npartitions)

    def load(self, number: int) -> Any:
        """Compute a partition."""
        return self.frame.partitions[number].compute()

    def map(self, function: Function, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """Return a dask array of what a function makes of the partitions."""
        from dask import array
        from dask.delayed import delayed

        apply = delayed(apply_to_rows(function, shape, dtype))
        parts = [
            array.from_delayed(apply(part), (np.nan, *shape), dtype)
            for part in self.frame.to_delayed()
        ]
        return array.concatenate(parts, allow_unknown_chunksizes=True)
