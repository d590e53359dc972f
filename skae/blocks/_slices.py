"""Arrays that are read slice by slice."""

import mmap
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skae.blocks._blocks import IndexedBlocks

BYTES_PER_SLICE = 2**23
"""Read at once: enough to be read fast, and small beside a process."""

FILES = ("r", "r+", "w+")
"""Modes of maps whose pages are those of a file."""


class Slices(IndexedBlocks):
    """Slices of an array, of a memory map above all.

    Parameters
    ----------
    array : array of shape (n, ...)
    n_rows : int, default=None
        In a slice. None: as many as `BYTES_PER_SLICE` have.
    """

    def __init__(self, array: NDArray, n_rows: int | None = None) -> None:
        self.n_rows = n_rows or rows_per_slice(array)
        super().__init__(ceil(len(array) / self.n_rows))
        self.array = array

    def load(self, number: int) -> NDArray:
        """Return a copy of the rows; a memory map then lets go of them."""
        start = number * self.n_rows
        rows = np.array(self.array[start : start + self.n_rows])
        _release(self.array)
        return rows


class Chunks(IndexedBlocks):
    """Slices of an array that is stored in chunks, such as zarr's; none is read twice in a pass.

    Small chunks are read several at a time, large ones one by one.

    Parameters
    ----------
    array : zarr.Array
    n_rows : int, default=None
        In a slice. None: as many as a chunk has.
    """

    def __init__(self, array: Any, n_rows: int | None = None) -> None:
        n_in_chunk = max(1, int(array.chunks[0]))
        self.n_rows = n_rows or n_in_chunk * max(1, rows_per_slice(array) // n_in_chunk)
        super().__init__(ceil(array.shape[0] / self.n_rows))
        self.array = array

    def load(self, number: int) -> NDArray:
        """Return the rows of some chunks."""
        start = number * self.n_rows
        return np.asarray(self.array[start : start + self.n_rows])


def rows_per_slice(array: Any) -> int:
    """Return how many rows of an array are read at once, if they may be cut anywhere."""
    n_bytes = array.dtype.itemsize * prod(array.shape[1:])
    return max(1, BYTES_PER_SLICE // max(1, n_bytes))


def _release(array: Any) -> None:
    """Have the system take back the memory into which a file was read.

    Pages that were changed stay: they are the file's. A map of its own copies, or of what is not
    known to be a file, is left alone.
    """
    mode = None
    while isinstance(array, np.ndarray):
        mode = getattr(array, "mode", mode)
        array = array.base
    if mode in FILES and isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)
