"""Arrays that are read slice by slice."""

import mmap
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skae.blocks._blocks import IndexedBlocks

BYTES_PER_SLICE = 2**23
"""Bytes that are read at once: enough for fast reading, little beside a process's memory."""

FILES = ("r", "r+", "w+")
"""Modes in which the memory of a memory map is that of its file."""


class Stored(Protocol):
    """An array of any library, of which rows can be read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of rows first."""

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the entries."""


class Chunked(Stored, Protocol):
    """An array that is stored in chunks, such as zarr's."""

    @property
    def chunks(self) -> tuple[int, ...]:
        """The shape of a chunk."""

    def __getitem__(self, rows: slice, /) -> object:
        """Read rows."""


class Slices(IndexedBlocks):
    """Slices of an array, in most cases of a memory map.

    Parameters
    ----------
    array : array of shape (n, ...)
    bounds : list of int, default=None
        The first row of every slice, and the number of all rows. None: slices have
        `BYTES_PER_SLICE` bytes.
    """

    each = "a slice of an array"

    def __init__(self, array: NDArray, bounds: list[int] | None = None) -> None:
        self.bounds = bounds or list_bounds(array, rows_per_slice(array))
        super().__init__(len(self.bounds) - 1)
        self.array = array

    def load(self, number: int) -> NDArray:
        """Return a copy of the rows of a slice."""
        rows = np.array(self.array[self.bounds[number] : self.bounds[number + 1]])
        # pages that were read would count as memory of this process until the map is closed
        _release(self.array)
        return rows


class Chunks(IndexedBlocks):
    """Slices of an array that is stored in chunks, such as zarr's; each is read once in a pass.

    Small chunks are read several at a time, large ones one by one.

    Parameters
    ----------
    array : zarr.Array
    bounds : list of int, default=None
        As for `Slices`. None: slices have whole chunks, as many as fit in `BYTES_PER_SLICE` bytes.
    """

    each = "a chunk of zarr"

    def __init__(self, array: Chunked, bounds: list[int] | None = None) -> None:
        self.n_in_chunk = max(1, int(array.chunks[0]))
        n_chunks = max(1, rows_per_slice(array) // self.n_in_chunk)
        self.bounds = bounds or list_bounds(array, n_chunks * self.n_in_chunk)
        super().__init__(len(self.bounds) - 1)
        self.array = array

    def as_stored(self) -> "Chunks":
        """Return slices of one chunk each."""
        return Chunks(self.array, list_bounds(self.array, self.n_in_chunk))

    def load(self, number: int) -> NDArray:
        """Return the rows of a slice."""
        return np.asarray(self.array[self.bounds[number] : self.bounds[number + 1]])


def list_bounds(array: Stored, n_rows: int) -> list[int]:
    """Return the first row of every slice of `n_rows` rows, and the number of all rows."""
    # an array without rows has one slice without rows
    return [*range(0, max(1, array.shape[0]), n_rows), array.shape[0]]


def rows_per_slice(array: Stored) -> int:
    """Return how many rows of an array have `BYTES_PER_SLICE` bytes; at least 1."""
    n_bytes = array.dtype.itemsize * prod(array.shape[1:])
    return max(1, BYTES_PER_SLICE // max(1, n_bytes))


def _release(array: object) -> None:
    """Tell the operating system that the pages of a memory map are no longer needed.

    Changes that were made to a file through its map are kept. Other arrays, and maps in mode "c",
    whose changes exist in memory only, are left alone.
    """
    mode = None
    # a view's base is the array that it shows; the map itself is at the end of the chain
    while isinstance(array, np.ndarray):
        mode = getattr(array, "mode", mode)
        array = array.base
    if mode in FILES and isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)
