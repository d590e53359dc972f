"""Plain lists and iterables of blocks."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from skae.blocks._blocks import Blocks, IndexedBlocks


def refuse_several(block: Any) -> None:
    """Raise ValueError if a block is a list of arrays, of which each might be one of rows."""
    if not isinstance(block, list | tuple):
        return
    n_dims = [len(getattr(part, "shape", ())) for part in block]
    if max(n_dims, default=0) < 2:
        return
    if len(block) == 1:
        what = "of one array, as a DataLoader of torch serves those of a TensorDataset"
        remedy = "Give the array itself: of a DataLoader, that is DataLoader(tensor)."
    else:
        what = "of arrays, as a DataLoader of torch serves rows and targets"
        remedy = "Give the rows alone, as one array, and y in blocks of its own if it is needed."
    raise ValueError(f"its type is {type(block).__name__}, {what}. {remedy}")


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
        block = self.blocks[number]
        refuse_several(block)
        return block


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
                refuse_several(block)
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
