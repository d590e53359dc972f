"""The contract of a table that is read block by block."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

ENTRIES_AT_ONCE = 2**20
"""So much of a block is made use of at a time, which takes several copies in double precision."""
Function = Callable[[Any], NDArray]
"""What is done to the rows of a block."""


class Blocks(ABC):
    """Rows in blocks, that can be gone through as often as wanted.

    A block is an array or a dataframe; it may have no rows.
    """

    n_blocks: int | None = None
    """How many there are; None if only a pass over them tells. Then they have but one order."""
    name = "X"
    """What messages call them."""
    has_large = True
    """Whether a block may be too large for what is made of all of its rows at once."""
    each = ""
    """What messages say a block is, where that is not plain."""

    @abstractmethod
    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Any]]:
        """Yield blocks with their numbers, counted from 0.

        Parameters
        ----------
        order : iterable of int, default=None
            Numbers of the blocks that are wanted. None: all, in their order.

        Raises
        ------
        ValueError
            If a block cannot be read.
        """

    def as_stored(self) -> "Blocks":
        """Return the same rows, with none of the blocks of their source put together."""
        return self

    def naming(self, number: int) -> AbstractContextManager[None]:
        """Return a context whose errors say which block it was."""
        return naming_block(number, self.name)

    def map(self, function: Function, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """Return what a function makes of the blocks, when they are asked for.

        Parameters
        ----------
        function : callable
            From a block to an array of shape (n_rows, *shape).
        shape : tuple of int
        dtype : dtype
            Of the result for blocks without rows.

        Returns
        -------
        results : iterator of array
        """
        apply = apply_to_rows(function, shape, dtype)
        for number, block in self.read():
            with self.naming(number):
                result = apply(block)
            yield result


class IndexedBlocks(Blocks):
    """Abstract base of blocks that can be read in any order.

    Parameters
    ----------
    n_blocks : int
    """

    n_blocks: int

    def __init__(self, n_blocks: int) -> None:
        self.n_blocks = n_blocks

    @abstractmethod
    def load(self, number: int) -> Any:
        """Return the block of this number."""

    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Any]]:
        """Yield blocks with their numbers."""
        for number in range(self.n_blocks) if order is None else order:
            with self.naming(number):
                block = self.load(number)
            yield number, block


@contextmanager
def naming_block(number: int, name: str) -> Iterator[None]:
    """Have whatever goes wrong with a block raised as a ValueError that says which one it was."""
    try:
        yield
    except Exception as error:
        what = str(error) if isinstance(error, ValueError) else repr(error)
        raise ValueError(f"Block {number} of {name} cannot be used: {what}") from error


def apply_to_rows(function: Function, shape: tuple[int, ...], dtype: DTypeLike) -> Function:
    """Return the function for blocks that may have no rows; its parameters are those of `map`."""

    def apply(block: Any) -> NDArray:
        return np.empty((0, *shape), dtype) if is_empty(block) else function(block)

    return apply


def is_empty(block: Any) -> bool:
    """Whether a block has no rows."""
    shape = getattr(block, "shape", None)
    if shape is None and isinstance(block, list | tuple):
        return len(block) == 0
    return isinstance(shape, tuple) and len(shape) > 0 and shape[0] == 0


def split_rows(block: Any) -> list[Any]:
    """Return slices of a large array, or of a large pair of arrays; of anything else, itself."""
    if hasattr(block, "split_rows"):
        parts: list[Any] = block.split_rows()
        return parts
    is_large = isinstance(block, np.ndarray) and block.size > ENTRIES_AT_ONCE
    return [block[rows] for rows in slices_of(block.shape)] if is_large else [block]


def slices_of(shape: tuple[int, ...]) -> list[slice]:
    """Return slices of rows, of `ENTRIES_AT_ONCE` or a single row, of an array of this shape."""
    n_rows = max(1, ENTRIES_AT_ONCE // max(1, prod(shape[1:])))
    return [slice(first, first + n_rows) for first in range(0, shape[0], n_rows)]
