"""Blocks as an estimator reads them, pass after pass."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Blocks, HeldOut, is_empty, split_rows
from skae.rows._explained_variance import NO_ROWS


class Block(NamedTuple):
    """Some rows.

    Attributes
    ----------
    number : int
    X : array of shape (n_rows, n_features)
    start : int
        Rows in the blocks before it.
    is_held_out : array of bool of shape (n_rows,)
    """

    number: int
    X: NDArray
    start: int
    is_held_out: NDArray[np.bool_]


class Reader:
    """Reads blocks, and refuses those that are not as they were in the first pass.

    Parameters
    ----------
    blocks : Blocks
    validate : callable
        Given a block, returns its rows as an array. With ``reset=True``, it takes note of their
        features, else it refuses others.
    held_out : HeldOut
    is_known : bool, default=False
        Whether the features are known before the first block.
    """

    def __init__(
        self,
        blocks: Blocks,
        validate: Callable[..., NDArray],
        held_out: HeldOut,
        is_known: bool = False,
    ) -> None:
        self.blocks = blocks
        self.validate = validate
        self.held_out = held_out
        self.is_known = is_known
        self.lengths: list[int] = []
        self.checksums: list[int] = []

    @property
    def n_rows(self) -> int:
        """Rows in all blocks of the first pass."""
        return sum(self.lengths)

    @property
    def numbers(self) -> list[int]:
        """Those of the blocks that have rows."""
        return [number for number, n_rows in enumerate(self.lengths) if n_rows]

    def survey(self, begin: Callable[[Block], None], add: Callable[[Block], None]) -> None:
        """Have every block taken note of, and what is held out drawn so that both sides have rows.

        Parameters
        ----------
        begin : callable
            Is given the first block before it is added, for every pass.
        add : callable
            Is given every block with rows.

        Raises
        ------
        ValueError
            If a block cannot be used, or if there are no rows.
        """
        self._tell(self.read_again() if self.lengths else self.read_first(), begin, add)
        if self.n_rows == 0:
            raise ValueError(NO_ROWS)
        if self.held_out.is_one_sided(self.numbers):
            self.held_out = self.held_out.redrawn(self.numbers)
            self._tell(self.read_again(self.numbers), begin, add)

    def _tell(
        self,
        blocks: Iterator[Block],
        begin: Callable[[Block], None],
        add: Callable[[Block], None],
    ) -> None:
        for block in blocks:
            with self.blocks.naming(block.number):
                if block.start == 0:
                    begin(block)
                add(block)

    def read_first(self) -> Iterator[Block]:
        """Yield blocks in their order, and remember by what they are known again."""
        for number, raw in self.blocks.read():
            start = self.n_rows
            self.lengths.append(0)
            self.checksums.append(0)
            for part in self._read_parts(number, raw, start, reset=not self.is_known):
                self.lengths[-1] += len(part.X)
                self.checksums[-1] += _find_checksum(part)
                if len(part.X):
                    self.is_known = True
                    yield part

    def read_again(
        self,
        order: Sequence[int] | None = None,
        order_parts: Callable[[int], Iterable[int]] = range,
    ) -> Iterator[Block]:
        """Yield blocks, all or some in an order.

        Parameters
        ----------
        order : sequence of int, default=None
            Numbers of blocks. None: all, in their order.
        order_parts : callable, default=range
            From the number of parts of a large block to their order.

        Raises
        ------
        ValueError
            If there are other blocks than in the first pass, or if one has other rows.
        """
        starts = np.concatenate([[0], np.cumsum(self.lengths)])
        n_read = 0
        for number, raw in self.blocks.read(order):
            n_rows = checksum = 0
            with self.blocks.naming(number):
                self._check_number(number)
            start = int(starts[number])
            for part in self._read_parts(number, raw, start, order_parts, reset=False):
                n_rows += len(part.X)
                checksum += _find_checksum(part)
                if n_rows >= self.lengths[number]:
                    self._check_same(number, n_rows, checksum)
                if len(part.X):
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
        """Yield a block, a large one in parts: what is made of its rows is several times as large.

        `start` is the number of rows in the blocks before it.
        """
        parts = split_rows(raw) if self.blocks.has_large else [raw]
        if len(parts) == 1:
            with self.blocks.naming(number):
                X = self._validate(raw, reset=reset)
            yield Block(number, X, start, self.held_out.find(number, start, len(X)))
            return
        ends = np.cumsum([part.shape[0] for part in parts]).tolist()
        is_held_out = self.held_out.find(number, start, ends[-1])
        for place in order(len(parts)):
            first = ends[place] - parts[place].shape[0]
            with self.blocks.naming(number):
                X = self._validate(parts[place], reset=reset and not self.is_known)
            yield Block(number, X, start + first, is_held_out[first : ends[place]])

    def _validate(self, raw: Any, *, reset: bool) -> NDArray:
        return np.empty((0, 0)) if is_empty(raw) else self.validate(raw, reset=reset)

    def _check_number(self, number: int) -> None:
        if number >= len(self.lengths):
            raise ValueError(f"there were only {len(self.lengths)} blocks before.")

    def _check_same(self, number: int, n_rows: int, checksum: int) -> None:
        with self.blocks.naming(number):
            if n_rows != self.lengths[number]:
                raise ValueError(f"it has {n_rows} rows, but had {self.lengths[number]} before.")
            if checksum != self.checksums[number]:
                raise ValueError(
                    "it has other rows than before, among which are held-out ones. Give the same "
                    "blocks in the same order in every pass: a fit draws orders itself."
                )


def _find_checksum(block: Block) -> int:
    """Return a number for rows at their place; those of parts add up, in whatever order."""
    X = np.ascontiguousarray(block.X)
    return crc32(X.view(np.uint8).data, block.start % 2**32) if len(X) else 0
