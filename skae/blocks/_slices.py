"""Arrays that are read slice by slice."""

import mmap
from math import prod
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
    bounds : list of int, default=None
        The rows at which slices begin, and the number of all. None: so that each has
        `BYTES_PER_SLICE`.
    """

    each = "a slice of an array"

    def __init__(self, array: NDArray, bounds: list[int] | None = None) -> None:
        self.bounds = bounds or list_bounds(array, rows_per_slice(array))
        super().__init__(len(self.bounds) - 1)
        self.array = array

    def load(self, number: int) -> NDArray:
        """Return a copy of the rows; a memory map then lets go of them."""
        rows = np.array(self.array[self.bounds[number] : self.bounds[number + 1]])
        _release(self.array)
        return rows


class Chunks(IndexedBlocks):
    """Slices of an array that is stored in chunks, such as zarr's; none is read twice in a pass.

    Small chunks are read several at a time, large ones one by one.

    Parameters
    ----------
    array : zarr.Array
    bounds : list of int, default=None
        As for `Slices`. None: so that chunks of up to `BYTES_PER_SLICE` are together.
    """

    each = "a chunk of zarr"

    def __init__(self, array: Any, bounds: list[int] | None = None) -> None:
        self.n_in_chunk = max(1, int(array.chunks[0]))
        n_chunks = max(1, rows_per_slice(array) // self.n_in_chunk)
        self.bounds = bounds or list_bounds(array, n_chunks * self.n_in_chunk)
        super().__init__(len(self.bounds) - 1)
        self.array = array

    def as_stored(self) -> "Chunks":
        """Return the chunks one by one."""
        return Chunks(self.array, list_bounds(self.array, self.n_in_chunk))

    def load(self, number: int) -> NDArray:
        """Return the rows of some chunks."""
        return np.asarray(self.array[self.bounds[number] : self.bounds[number + 1]])


def list_bounds(array: Any, n_rows: int) -> list[int]:
    """Return at which rows slices of so many begin, and the number of all rows."""
    return [*range(0, max(1, array.shape[0]), n_rows), array.shape[0]]


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
