"""X and y in blocks, read side by side."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from math import lcm, prod
from typing import NamedTuple

import numpy as np

from skae.blocks._blocks import Block, Blocks, slices_of
from skae.blocks._dask import DaskArray
from skae.blocks._find import find_blocks, find_library
from skae.blocks._iterables import OneBlock
from skae.blocks._slices import BYTES_PER_SLICE, Chunks, Slices, list_bounds

LISTED_BESIDE = 2
"""The `listed_from` of `find_blocks` for a list whose counterpart comes in blocks."""
FAR_LARGER = 8
"""Slices of whole chunks may have this many times the wanted number of rows, but not more."""


class Pair(NamedTuple):
    """A block of X and the block of y with the same rows.

    Attributes
    ----------
    X : array
    y : array or None
        Has as many rows as X; None if there is no y.
    """

    X: Block
    y: Block

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of X, by which `is_empty` and others judge a pair; None if it has no shape."""
        return getattr(self.X, "shape", None)

    def split_rows(self) -> list["Pair"]:
        """Split pairs of large arrays into pairs of slices; any other pair is the only entry."""
        y = self.X if self.y is None else self.y
        is_array = isinstance(self.X, np.ndarray) and isinstance(y, np.ndarray)
        if not is_array:
            return [self]
        # cut by the larger of the two, so that neither part is too large
        slices = slices_of(max(self.X, y, key=np.size).shape)
        return [self] if len(slices) < 2 else [self._take(rows) for rows in slices]

    def _take(self, rows: slice) -> "Pair":
        X = self.X[rows]
        if self.y is None:
            return Pair(X, None)
        # a y that is X stays the same object, by which users of pairs know it
        return Pair(X, X if self.y is self.X else self.y[rows])


class Pairs(Blocks):
    """Blocks of X and of y; block i of X has as many rows as block i of y.

    Parameters
    ----------
    X, y : Blocks

    Raises
    ------
    ValueError
        If one has more blocks than the other.
    """

    name = "X and y"

    def __init__(self, X: Blocks, y: Blocks) -> None:
        if None not in (X.n_blocks, y.n_blocks):
            if X.n_blocks != y.n_blocks:
                raise ValueError(
                    f"X has {X.n_blocks} blocks{_say_each(X)}, and y has {y.n_blocks}"
                    f"{_say_each(y)}. Give one block of y for every block of X, with as many rows."
                )
            self.n_blocks = X.n_blocks
        y.name = "y"
        self.X = X
        self.y = y

    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Pair]]:
        """Yield pairs of blocks with their numbers."""
        # a list, since X and y both go through it
        order = None if order is None or self.n_blocks is None else list(order)
        for of_x, of_y in zip_longest(self.X.read(order), self.y.read(order)):
            if of_x is None or of_y is None:
                has, lacks = ("y", "X") if of_x is None else ("X", "y")
                number, _ = of_x or of_y
                raise ValueError(f"Block {number} of {lacks} is missing: {has} has more blocks.")
            number, pair = of_x[0], Pair(of_x[1], of_y[1])
            with self.naming(number):
                _check_lengths(pair.X, pair.y)
            yield number, pair


class PairsOfOne(Blocks):
    """Blocks of X, with X itself as y or without a y.

    Parameters
    ----------
    X : Blocks
    has_y : bool
        Whether y is X; otherwise y is None.
    """

    def __init__(self, X: Blocks, has_y: bool) -> None:
        self.n_blocks = X.n_blocks
        self.X = X
        self.y: Blocks = X if has_y else OneBlock(None)
        self.has_y = has_y

    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Pair]]:
        """Yield pairs of blocks with their numbers."""
        for number, block in self.X.read(order):
            yield number, Pair(block, block if self.has_y else None)


def find_pairs(X: Block, y: Block, listed_from: int | None = 2) -> Pairs | PairsOfOne | None:
    """Return the blocks of X and y side by side, or None if both are to be taken as one array.

    Some arrays can be cut at any row: those of numpy, memory maps, those of zarr, and those of dask
    whose chunk sizes are known. If both are such arrays, they are read in the same slices; if X is
    a dask array, its chunks decide. Otherwise blocks are read as they are stored, and a block of X
    must have as many rows as that of y.

    Parameters
    ----------
    X : object
    y : object or None
        If y is X itself, blocks are read once for both.
    listed_from : int or None, default=2
        As for `find_blocks`. If the other one comes in blocks, a list of 2d arrays is always read
        as blocks.

    Raises
    ------
    ValueError
        If one is in blocks and the other is not, if their lengths differ, or if one is an iterator,
        which can be read only once.
    """
    of_x = find_blocks(X, listed_from)
    if y is None or y is X:
        if of_x is None:
            return None
        # sized in float64, to which rows are converted; `Slices` alone sizes rows as stored
        alone = Slices(of_x.array, _choose_bounds(of_x.array)) if isinstance(of_x, Slices) else of_x
        return PairsOfOne(alone, y is not None)
    of_y = find_blocks(y, listed_from if of_x is None else LISTED_BESIDE, "y")
    if of_x is None and of_y is None:
        return None
    of_x = of_x or find_blocks(X, LISTED_BESIDE)
    if _is_cut(X, of_x) and _is_cut(y, of_y):
        _check_lengths(X, y)
        bounds = of_x.bounds if isinstance(of_x, DaskArray) else _choose_bounds(X, y)
        return Pairs(_cut(X, bounds), _cut(y, bounds))
    if of_x is None or of_y is None:
        given, other, what = ("y", "X", X) if of_x is None else ("X", "y", y)
        raise ValueError(
            f"{given} comes in blocks, but {other}, a {type(what).__name__}, does not. Give "
            f"{other} in blocks as well, each with as many rows as that of {given}."
        )
    return Pairs(of_x.as_stored(), of_y.as_stored())


def _say_each(blocks: Blocks) -> str:
    return f" (each {blocks.each})" if blocks.each else ""


def _is_cut(array: object, blocks: Blocks | None) -> bool:
    """Return whether an array can be cut at any row."""
    if isinstance(array, Blocks):
        return False
    if isinstance(blocks, DaskArray):
        return blocks.is_known
    return isinstance(array, np.ndarray) or isinstance(blocks, Chunks)


def _cut(array: Block, bounds: list[int]) -> Blocks:
    """Return an array as blocks that begin and end at these bounds."""
    if isinstance(array, np.ndarray):
        return Slices(array, bounds)
    if find_library(array) == "zarr":
        return Chunks(array, bounds)
    return DaskArray(array.rechunk({0: tuple(np.diff(bounds).tolist())}), [*range(len(bounds))])


def _choose_bounds(*arrays: Block) -> list[int]:
    """Choose the rows at which to cut arrays so that few chunks are read twice.

    A slice has whole chunks of all arrays, and about `BYTES_PER_SLICE` bytes of all of them
    together in float64. If slices of whole chunks are far larger, a slice has whole chunks of the
    first array only.
    """
    stored = [array for array in arrays if not isinstance(array, np.ndarray)]
    chunks = [max(1, int(np.max(array.chunks[0]))) for array in stored]
    n_entries = sum(max(1, prod(array.shape[1:])) for array in arrays)
    n_wanted = max(1, BYTES_PER_SLICE // (8 * n_entries))
    # the smallest slice at whose ends chunks of all arrays end
    n_rows = lcm(*chunks)
    if n_rows > FAR_LARGER * n_wanted:
        n_rows = chunks[0]
    return list_bounds(arrays[0], n_rows * max(1, n_wanted // n_rows))


def _check_lengths(X: Block, y: Block) -> None:
    n_rows, n_rows_of_y = _count(X), _count(y)
    if n_rows != n_rows_of_y:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_rows} rows, "
            f"y has {n_rows_of_y}. Give one row of y for every row of X."
        )


def _count(array: Block) -> int:
    return int(array.shape[0] if hasattr(array, "shape") else len(array))
