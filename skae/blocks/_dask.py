"""Collections of dask, whose own schedulers compute one block at a time."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from skae.blocks._blocks import Function, IndexedBlocks, apply_to_rows


class DaskArray(IndexedBlocks):
    """The blocks of rows of a dask array.

    Parameters
    ----------
    array : dask.array.Array of shape (n_rows, ...)
    """

    def __init__(self, array: Any) -> None:
        # rows in one piece
        self.array = array.rechunk(dict.fromkeys(range(1, array.ndim), -1))
        super().__init__(self.array.numblocks[0])

    def load(self, number: int) -> Any:
        """Compute a block."""
        return self.array.blocks[number].compute()

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


class DaskFrame(IndexedBlocks):
    """The partitions of a dask dataframe.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    """

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
