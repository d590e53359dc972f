"""Collections of dask, whose own schedulers compute one block at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import isnan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from skae.blocks._blocks import Block, Function, IndexedBlocks, apply_to_rows
from skae.blocks._slices import rows_per_slice

if TYPE_CHECKING:
    from dask.array import Array
    from dask.dataframe import DataFrame


class DaskArray(IndexedBlocks):
    """The chunks of a dask array along axis 0; small ones are computed several at a time.

    Parameters
    ----------
    array : dask.array.Array of shape (n_rows, ...)
    ends : list of int, default=None
        Block i has the chunks from ``ends[i]`` to ``ends[i + 1]``, the latter not included. None:
        as many chunks as have `BYTES_PER_SLICE` bytes together, and at least one.
    """

    each = "a chunk of dask"

    def __init__(self, array: Array, ends: list[int] | None = None) -> None:
        # -1: one chunk along every axis but the first, so that a chunk has whole rows
        self.array = array.rechunk(dict.fromkeys(range(1, array.ndim), -1))
        self.ends = ends or _choose_ends(self.array.chunks[0], rows_per_slice(self.array))
        super().__init__(len(self.ends) - 1)

    @property
    def is_known(self) -> bool:
        """Whether dask knows the number of rows of every chunk."""
        return not any(map(isnan, self.array.chunks[0]))

    @property
    def bounds(self) -> list[int]:
        """The first row of every block, and the number of all rows; needs known chunk sizes."""
        firsts = [0, *accumulate(self.array.chunks[0])]
        return [firsts[end] for end in self.ends]

    def as_stored(self) -> DaskArray:
        """Return blocks of one chunk each."""
        return DaskArray(self.array, [*range(self.array.numblocks[0] + 1)])

    def load(self, number: int) -> Block:
        """Compute the chunks of a block."""
        return self.array.blocks[self.ends[number] : self.ends[number + 1]].compute()

    def map(self, function: Function, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return a lazy dask array with the function's result for every chunk."""
        n_dims = 1 + len(shape)
        # all axes but the first are dropped and those of the result are put in their place
        return self.array.map_blocks(
            apply_to_rows(function, shape, dtype),
            dtype=dtype,
            chunks=(self.array.chunks[0], *((size,) for size in shape)),
            drop_axis=list(range(1, self.array.ndim)),
            new_axis=list(range(1, n_dims)),
            meta=np.empty((0,) * n_dims, dtype),
        )


def _choose_ends(sizes: Sequence[float], n_rows: int) -> list[int]:
    """Group neighbouring chunks so that a group has at most `n_rows` rows, or one chunk.

    Parameters
    ----------
    sizes : sequence of int or nan
        Number of rows of every chunk; nan if dask does not know it.
    n_rows : int
        Wanted number of rows of a group.

    Returns
    -------
    ends : list of int
        The first chunk of every group, and the number of chunks.
    """
    ends, total = [0], 0.0
    for number, size in enumerate(sizes):
        # "not <=" instead of ">" is also true for nan, so that a chunk of unknown size is alone
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

    def __init__(self, frame: DataFrame) -> None:
        self.frame = frame
        super().__init__(frame.npartitions)

    def load(self, number: int) -> Block:
        """Compute a partition."""
        return self.frame.partitions[number].compute()

    def map(self, function: Function, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return a lazy dask array with the function's result for every partition."""
        from dask import array
        from dask.delayed import delayed

        apply = delayed(apply_to_rows(function, shape, dtype))
        # dask does not know the rows of partitions: nan is its sign for an unknown size
        parts = [
            array.from_delayed(apply(part), (np.nan, *shape), dtype)
            for part in self.frame.to_delayed()
        ]
        return array.concatenate(parts, allow_unknown_chunksizes=True)
