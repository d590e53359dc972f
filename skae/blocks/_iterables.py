"""Blocks in lists, in other iterables, and a single array as one block."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from skae.blocks._blocks import Block, Blocks, IndexedBlocks


def refuse_several(block: Block) -> None:
    """Raise ValueError if a block is a list or tuple of arrays instead of one array of rows."""
    if not isinstance(block, list | tuple):
        return
    n_dims = [len(getattr(part, "shape", ())) for part in block]
    # a list of 1d arrays is a list of rows, which scikit-learn accepts as one array
    if max(n_dims, default=0) < 2:
        return
    if len(block) == 1:
        what = "of one array, as a DataLoader of torch yields it for a TensorDataset"
        remedy = "Give the array itself, for example with DataLoader(tensor)."
    else:
        what = "of arrays, as a DataLoader of torch yields rows and targets"
        remedy = "Give the rows alone, as one array, and y in blocks of its own if it is needed."
    raise ValueError(f"its type is {type(block).__name__}, {what}. {remedy}")


class ListedBlocks(IndexedBlocks):
    """Blocks in a list.

    Parameters
    ----------
    blocks : sequence of array
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__(len(blocks))
        self.blocks = blocks

    def load(self, number: int) -> Block:
        """Return the entry of the list with this number."""
        block = self.blocks[number]
        refuse_several(block)
        return block


class IteratedBlocks(Blocks):
    """Blocks that an object yields, in the same order in every pass.

    Parameters
    ----------
    blocks : iterable of array
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = blocks

    def read(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Block]]:
        """Yield all blocks with their numbers; `order` is ignored, as they have one order only."""
        with self.naming(0):
            iterator = iter(self.blocks)
        # next and its check are in the context, so that errors of either name the block
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
    """A single array in memory as one block.

    All its rows are shuffled together, since it is never split into parts.

    Parameters
    ----------
    array : array
    """

    has_large = False

    def __init__(self, array: Block) -> None:
        super().__init__(1)
        self.array = array

    def load(self, number: int) -> Block:
        """Return the array."""
        return self.array

    def naming(self, number: int) -> AbstractContextManager[None]:
        """Return a context that leaves errors as they are: no other block could be meant."""
        return nullcontext()
