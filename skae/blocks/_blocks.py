"""The contract of a table that is read block by block."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from dask.array import Array

ENTRIES_AT_ONCE = 2**20
"""Entries of a block that are processed at a time: processing makes several float64 copies."""
# arrays and dataframes of numpy, pandas, polars, torch and others have no base class in common
Block: TypeAlias = Any
"""An array or a dataframe with some of the rows; it may have none."""
Function = Callable[[Block], NDArray]
"""A function of a block that returns an array with one entry per row."""


class Blocks(ABC):
    """A table in blocks of rows, which can be read any number of times.

    A block is an array or a dataframe; it may have no rows.
    """

    n_blocks: int | None = None
    """The number of blocks. None: unknown before a pass, and the blocks have one order only."""
    name = "X"
    """The name of the table in error messages."""
    has_large = True
    """Whether blocks may be so large that they must be processed in parts, see `split_rows`."""
    each = ""
    """The kind of a block, for error messages, where the user may not know it."""

    @abstractmethod
    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Block]]:
        """Yield blocks with their numbers, counted from 0.

        Parameters
        ----------
        order : iterable of int, default=None
            Numbers of the blocks to read, in this order. None: all blocks, in their own order.

        Raises
        ------
        ValueError
            If a block cannot be read.
        """

    def as_stored(self) -> "Blocks":
        """Return the same rows in the blocks of their source, none of them joined with others."""
        return self

    def naming(self, number: int) -> AbstractContextManager[None]:
        """Return a context in which errors are raised with the number of this block."""
        return naming_block(number, self.name)

    def map(
        self, function: Function, shape: tuple[int, ...], dtype: DTypeLike
    ) -> "Iterator[NDArray] | Array":
        """Apply a function to every block, lazily.

        Parameters
        ----------
        function : callable
            Called with a block of n_rows rows; returns an array of shape (n_rows, *shape).
        shape : tuple of int
            Shape of the result for one row.
        dtype : dtype
            The dtype of the result if a block has no rows.

        Returns
        -------
        results : iterator of array
            One result per block. For a dask collection, a dask array.
        """
        return self._map(apply_to_rows(function, shape, dtype))

    def _map(self, function: Function) -> Iterator[NDArray]:
        for number, block in self.read():
            with self.naming(number):
                result = function(block)
            yield result


class IndexedBlocks(Blocks):
    """Abstract base class of blocks that can be read in any order.

    Parameters
    ----------
    n_blocks : int
        The number of blocks.
    """

    n_blocks: int

    def __init__(self, n_blocks: int) -> None:
        self.n_blocks = n_blocks

    @abstractmethod
    def load(self, number: int) -> Block:
        """Return the block with this number."""

    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Block]]:
        """Yield blocks with their numbers, in the given order."""
        for number in range(self.n_blocks) if order is None else order:
            with self.naming(number):
                block = self.load(number)
            # outside the context: errors of the caller's loop are not errors of the block
            yield number, block


@contextmanager
def naming_block(number: int, name: str) -> Iterator[None]:
    """Turn any error in this context into a ValueError that names the block."""
    try:
        yield
    except Exception as error:
        # the message of an OSError or a KeyError says little without its type
        what = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(f"Block {number} of {name} cannot be used: {what}") from error


def apply_to_rows(function: Function, shape: tuple[int, ...], dtype: DTypeLike) -> Function:
    """Return a function that also accepts blocks without rows; see `Blocks.map` for parameters."""

    def apply(block: Block) -> NDArray:
        # estimators refuse arrays without rows
        return np.empty((0, *shape), dtype) if is_empty(block) else function(block)

    return apply


def is_empty(block: Block) -> bool:
    """Return whether a block has no rows."""
    shape = getattr(block, "shape", None)
    if shape is None and isinstance(block, list | tuple):
        return len(block) == 0
    return isinstance(shape, tuple) and len(shape) > 0 and shape[0] == 0


def split_rows(block: Block) -> list[Block]:
    """Split a large array, or a large pair of arrays, into slices of rows.

    Any other block is returned whole, as the only entry of the list.
    """
    if hasattr(block, "split_rows"):
        parts: list[Block] = block.split_rows()
        return parts
    is_large = isinstance(block, np.ndarray) and block.size > ENTRIES_AT_ONCE
    return [block[rows] for rows in slices_of(block.shape)] if is_large else [block]


def slices_of(shape: tuple[int, ...]) -> list[slice]:
    """Return slices along axis 0 with at most `ENTRIES_AT_ONCE` entries each, or with one row."""
    # entries of a row are 0 where another axis is empty
    n_rows = max(1, ENTRIES_AT_ONCE // max(1, prod(shape[1:])))
    return [slice(first, first + n_rows) for first in range(0, shape[0], n_rows)]
