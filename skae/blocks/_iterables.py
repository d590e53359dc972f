"""Plain lists and iterables of blocks."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from skae.blocks._blocks import Blocks, IndexedBlocks


class ListedBlocks(IndexedBlocks):
    """Blocks in a list.

    Parameters
    ----------
    blocks : sequence of array
    """

    def __init__(self, blocks: Sequence[Any]) -> None:
        super().__init__(len(blocks))
        self.blocks = blocks

    def load(self, number: int) -> Any:
        """Return a block."""
        return self.blocks[number]


class IteratedBlocks(Blocks):
    """Blocks that an object yields, in the same order every time.

    Parameters
    ----------
    blocks : iterable of array
    """

    def __init__(self, blocks: Iterable[Any]) -> None:
        self.blocks = blocks

    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Any]]:
        """Yield blocks with their numbers; they have but one order."""
        with self.naming(0):
            iterator = iter(self.blocks)
        end = object()
        number = 0
        while True:
            with self.naming(number):
                block = next(iterator, end)
            if block is end:
                return
            yield number, block
            number += 1


class OneBlock(IndexedBlocks):
    """A single array, whose rows are mixed all at once, as those of any array in memory.

    Parameters
    ----------
    array : array
    """

    has_large = False

    def __init__(self, array: Any) -> None:
        super().__init__(1)
        self.array = array

    def load(self, number: int) -> Any:
        """Return it."""
        return self.array

    def naming(self, number: int) -> AbstractContextManager[None]:
        """Return a context that changes no error: there is no other block."""
        return nullcontext()
