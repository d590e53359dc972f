"""Blocks of rows, read and validated by an estimator in every pass."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Blocks, HeldOut, Pair, is_empty, split_rows
from skae.rows._explained_variance import NO_ROWS
from skae.rows._rows import Rows


class ReadRows(Protocol):
    """Reads a block of X and the part of y that belongs to it; an estimator's method."""

    def __call__(self, X: object, y: object, *, reset: bool) -> Rows:
        """Return the rows of a block.

        With ``reset=True`` their features are remembered, else others are refused.
        """


class Block(NamedTuple):
    """Some rows of a table.

    Attributes
    ----------
    number : int
    rows : Rows
    start : int
        Number of rows in the blocks before it.
    is_held_out : array of bool of shape (n_rows,)
    """

    number: int
    rows: Rows
    start: int
    is_held_out: NDArray[np.bool_]


class Reader:
    """Reads blocks, and refuses those that differ from the first pass.

    Parameters
    ----------
    blocks : Blocks
        Blocks of X, or pairs of blocks of X and y.
    read : callable
    held_out : HeldOut
    y : array of shape (n_samples,), default=None
        The classes of all rows, if X comes in blocks and y does not.
    is_known : bool, default=False
        Whether the features are known before the first block.
    """

    def __init__(
        self,
        blocks: Blocks,
        read: ReadRows,
        held_out: HeldOut,
        y: NDArray | None = None,
        is_known: bool = False,
    ) -> None:
        self.blocks = blocks
        self.read = read
        self.held_out = held_out
        self.y = y
        self.is_known = is_known
        self.lengths: list[int] = []
        self.checksums: list[int] = []

    @property
    def n_rows(self) -> int:
        """Number of rows in all blocks of the first pass."""
        return sum(self.lengths)

    @property
    def numbers(self) -> list[int]:
        """Numbers of the blocks that have rows."""
        return [number for number, n_rows in enumerate(self.lengths) if n_rows]

    def survey(self, begin: Callable[[Block], None], add: Callable[[Block], None]) -> None:
        """Go over all blocks; if the draw left no rows on one side, draw again and go over again.

        Parameters
        ----------
        begin : callable
            Called with the first block of a pass, before this block is added.
        add : callable
            Called with every block that has rows.

        Raises
        ------
        ValueError
            If a block cannot be used, or if there are no rows.
        """
        self._tell(self.read_again() if self.lengths else self.read_first(), begin, add)
        if self.n_rows == 0:
            raise ValueError(NO_ROWS)
        self._check_y()
        if self.held_out.is_one_sided(self.numbers):
            # statistics of held-out rows are collected apart: they must be collected anew
            self.held_out = self.held_out.redrawn(self.numbers)
            self._tell(self.read_again(self.numbers), begin, add)

    def _tell(
        self,
        blocks: Iterator[Block],
        begin: Callable[[Block], None],
        add: Callable[[Block], None],
    ) -> None:
        # a block of labelled images may begin with images that are left out: its start is not 0
        for index, block in enumerate(blocks):
            with self.blocks.naming(block.number):
                if index == 0:
                    begin(block)
                add(block)

    def read_first(self) -> Iterator[Block]:
        """Yield blocks in their order, and remember their lengths and checksums."""
        for number, raw in self.blocks.read():
            start = self.n_rows
            self.lengths.append(0)
            self.checksums.append(0)
            for part in self._read_parts(number, raw, start, reset=not self.is_known):
                n_rows = len(part.is_held_out)
                self.lengths[-1] += n_rows
                self.checksums[-1] += _compute_checksum(part)
                if n_rows:
                    self.is_known = True
                    yield part

    def read_again(
        self,
        order: Sequence[int] | None = None,
        order_parts: Callable[[int], Iterable[int]] = range,
    ) -> Iterator[Block]:
        """Yield all blocks, or some of them in a given order.

        Parameters
        ----------
        order : sequence of int, default=None
            Numbers of blocks. None: all, in their order.
        order_parts : callable, default=range
            Returns an order, given the number of parts of a large block.

        Raises
        ------
        ValueError
            If the blocks differ from the first pass in number or in their rows.
        """
        starts = np.concatenate([[0], np.cumsum(self.lengths)])
        n_read = 0
        for number, raw in self.blocks.read(order):
            n_rows = checksum = 0
            with self.blocks.naming(number):
                self._check_number(number)
            start = int(starts[number])
            for part in self._read_parts(number, raw, start, order_parts, reset=False):
                n_rows += len(part.is_held_out)
                checksum += _compute_checksum(part)
                # before the last part is yielded: the caller may ask for nothing after it
                if n_rows >= self.lengths[number]:
                    self._check_same(number, n_rows, checksum)
                if len(part.is_held_out):
                    yield part
            self._check_same(number, n_rows, checksum)
            n_read += 1
        if order is None and n_read < len(self.lengths):
            raise ValueError(
                f"Block {n_read} of {self.blocks.name} is missing: there were "
                f"{len(self.lengths)} blocks before."
            )

    def _read_parts(
        self,
        number: int,
        raw: Any,
        start: int,
        order: Callable[[int], Iterable[int]] = range,
        *,
        reset: bool,
    ) -> Iterator[Block]:
        """Yield a block, or its parts if it is large: they bound the memory of arrays made of it.

        `start` is the number of rows in the blocks before this one.
        """
        parts = split_rows(raw) if self.blocks.has_large else [raw]
        if len(parts) == 1:
            yield self._read_whole(number, raw, start, reset)
            return
        ends = np.cumsum([part.shape[0] for part in parts]).tolist()
        is_held_out = self.held_out.find(number, start, ends[-1])
        for place in order(len(parts)):
            first = ends[place] - parts[place].shape[0]
            with self.blocks.naming(number):
                rows = self._read(parts[place], start + first, reset and not self.is_known)
            # images without a label are left out
            is_meant = is_held_out[first : ends[place]][: rows.n_rows]
            yield Block(number, rows, start + first, is_meant)

    def _read_whole(self, number: int, raw: object, start: int, reset: bool) -> Block:
        n_rows, rows = 0, NO_ROWS_YET
        with self.blocks.naming(number):
            if not is_empty(raw):
                rows = self._read(raw, start, reset)
                n_rows = rows.n_rows
        return Block(number, rows, start, self.held_out.find(number, start, n_rows))

    def _read(self, raw: object, start: int, reset: bool) -> Rows:
        """Return the rows of a block, with the part of y that belongs to them."""
        if isinstance(raw, Pair):
            return self.read(raw.X, raw.y, reset=reset)
        if self.y is None:
            return self.read(raw, None, reset=reset)
        n_rows = count_rows(raw)
        if start + n_rows > len(self.y):
            raise ValueError(self._say_lengths(f"at least {start + n_rows}"))
        return self.read(raw, self.y[start : start + n_rows], reset=reset)

    def _check_y(self) -> None:
        if self.y is not None and len(self.y) != self.n_rows:
            raise ValueError(self._say_lengths(str(self.n_rows)))

    def _say_lengths(self, n_rows: str) -> str:
        n_classes = 0 if self.y is None else len(self.y)
        return (
            f"Found input variables with inconsistent numbers of samples: X has {n_rows} rows, y "
            f"has {n_classes}. Give one class for every row."
        )

    def _check_number(self, number: int) -> None:
        if number >= len(self.lengths):
            raise ValueError(f"there were only {len(self.lengths)} blocks before.")

    def _check_same(self, number: int, n_rows: int, checksum: int) -> None:
        with self.blocks.naming(number):
            if n_rows != self.lengths[number]:
                raise ValueError(f"it has {n_rows} rows, but had {self.lengths[number]} before.")
            if checksum != self.checksums[number]:
                raise ValueError(
                    "it has other rows than before, so that held-out rows would be learned from. "
                    "Give the same blocks in the same order in every pass: a fit shuffles them "
                    "itself."
                )


def count_rows(block: Any) -> int:  # dataframes have a shape, and lists a length
    """Return the number of rows of an array, a dataframe or a list."""
    return int(block.shape[0]) if hasattr(block, "shape") else len(block)


NO_ROWS_YET = Rows(*[np.empty((0, 0))] * 2)
"""The rows of a block that has none."""


def _compute_checksum(block: Block) -> int:
    """Return a checksum of rows and of their place; checksums of parts are added in any order."""
    if not len(block.is_held_out):
        return 0
    return sum(
        crc32(np.ascontiguousarray(array).view(np.uint8).data, block.start % 2**32)
        for array in block.rows._replace(beside=None).arrays
    )
