"""Blocks as an estimator reads them, pass after pass."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Blocks, HeldOut, is_empty
from skae.estimators._shares import NO_ROWS


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
        """Yield blocks in their order, and remember how many rows they have."""
        for number, raw in self.blocks.read():
            with self.blocks.naming(number):
                X = self._validate(raw, reset=not self.is_known)
                block = self._make_block(number, X, self.n_rows)
            self.lengths.append(len(X))
            if len(X):
                self.is_known = True
                yield block

    def read_again(self, order: Sequence[int] | None = None) -> Iterator[Block]:
        """Yield blocks, all or some in an order.

        Raises
        ------
        ValueError
            If there are other blocks than in the first pass, or if one has other rows.
        """
        starts = np.concatenate([[0], np.cumsum(self.lengths)])
        n_read = 0
        for number, raw in self.blocks.read(order):
            with self.blocks.naming(number):
                X = self._validate(raw, reset=False)
                self._check_length(number, len(X))
                block = self._make_block(number, X, int(starts[number]))
            n_read += 1
            if len(X):
                yield block
        if order is None and n_read < len(self.lengths):
            raise ValueError(
                f"Block {n_read} of {self.blocks.name} is missing: there were "
                f"{len(self.lengths)} blocks before."
            )

    def _validate(self, raw: Any, *, reset: bool) -> NDArray:
        return np.empty((0, 0)) if is_empty(raw) else self.validate(raw, reset=reset)

    def _make_block(self, number: int, X: NDArray, start: int) -> Block:
        return Block(number, X, start, self.held_out.find(number, start, len(X)))

    def _check_length(self, number: int, n_rows: int) -> None:
        if number >= len(self.lengths):
            raise ValueError(f"there were only {len(self.lengths)} blocks before.")
        if n_rows != self.lengths[number]:
            raise ValueError(f"it has {n_rows} rows, but had {self.lengths[number]} before.")
