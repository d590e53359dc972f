"""Rows that are read block by block, and served to a network in batches."""

from collections.abc import Iterator
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from skae.engine import ALONE, Batch, BatchChange, Peers, StreamedBatches
from skae.objectives import Link
from skae.rows._kinds import RowKind
from skae.rows._reader import Block, Reader
from skae.rows._rows import Rows
from skae.rows._survey import cut_block, enter_link
from skae.rows._units import Units

ENTRIES_AT_ONCE = 2**20
"""Rows are converted to units in parts of about this many entries: each needs float64 copies."""
POOL_BYTES = 2**25
"""Size of the pool in which the rows of blocks are mixed."""


class Stream:
    """The rows of blocks that are not held out, converted to inputs and targets of batches.

    Parameters
    ----------
    reader : Reader
        After its first pass.
    example : Rows
        Some rows, which have the same shapes as the network's input and target.
    n_rows : int
        Number of rows to learn from in this process.
    kind : RowKind
    link : Link
    units, target_units : Units
    """

    def __init__(
        self,
        reader: Reader,
        example: Rows,
        n_rows: int,
        kind: RowKind,
        link: Link,
        units: Units,
        target_units: Units,
    ) -> None:
        self.reader = reader
        self.n_rows = n_rows
        self.kind = kind
        self.link = link
        self.units = units
        self.target_units = target_units
        self.has_target = example.target is not example.seen or units is not target_units
        self.shapes = self._list_shapes(example)

    def _list_shapes(self, example: Rows) -> list[tuple[int, ...]]:
        """Return the shapes of the parts of a row: `seen`, `beside` and `target`."""
        parts = [example.seen]
        if example.beside is not None:
            parts.append(example.beside)
        if self.has_target:
            parts.append(example.target)
        return [part.shape[1:] for part in parts]

    @property
    def widths(self) -> list[int]:
        """Number of entries of every part of a row."""
        return [prod(shape) for shape in self.shapes]

    def summary(self) -> tuple[list[int], list[int], NDArray | None]:
        """Return lengths and checksums of blocks, and classes: they identify the data."""
        return self.reader.lengths, self.reader.checksums, self.reader.y

    def as_batch(self, rows: Tensor) -> Batch:
        """Return the batch whose parts lie side by side in `rows`, shape (n, width)."""
        parts = zip(rows.split(self.widths, 1), self.shapes, strict=True)
        # (n, width) -> (n, *shape) for each part
        seen, *others = [part.reshape(len(rows), *shape) for part, shape in parts]
        target = others.pop() if self.has_target else seen
        return Batch((seen, *others), target)

    def _enter(self, rows: Rows) -> NDArray[np.float32]:
        """Return rows in the network's units, their parts side by side; shape (n, width)."""
        rows = enter_link(self.link, rows)
        parts: list[NDArray] = [self.units.enter(rows.seen)]
        if rows.beside is not None:
            parts.append(rows.beside)
        if self.has_target:
            parts.append(self.target_units.enter(rows.target))
        flat = [part.reshape(rows.n_rows, -1) for part in parts]
        return np.hstack(flat, dtype=np.float32, casting="same_kind")

    def read(self, generator: Generator) -> Iterator[Tensor]:
        """Yield tensors of some rows, float32, shape (n, width); the generator draws the order."""
        n_at_once = max(1, ENTRIES_AT_ONCE // max(1, sum(self.widths)))

        def shuffled(n: int) -> list[int]:
            return torch.randperm(n, generator=generator).tolist()

        for read in self.reader.read_again(self._draw_order(generator), shuffled):
            block = cut_block(self.kind, read)
            rows = np.flatnonzero(~block.is_held_out)
            rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
            for first in range(0, len(rows), n_at_once):
                yield self._take(block, rows[first : first + n_at_once])

    def _take(self, block: Block, rows: NDArray[np.intp]) -> Tensor:
        with self.reader.blocks.naming(block.number):
            return torch.from_numpy(self._enter(block.rows.take(rows)))

    def _draw_order(self, generator: Generator) -> list[int] | None:
        """Return the blocks to learn from in random order, if they can be read in any order."""
        # blocks of an iterator can only be read in their own order
        n_blocks = self.reader.blocks.n_blocks
        if n_blocks is None:
            return None
        left_out = self.reader.held_out.whole or ()
        order = torch.randperm(n_blocks, generator=generator).tolist()
        return [number for number in order if number not in left_out]

    def in_batches(
        self,
        batch_size: int,
        generator: Generator,
        change: BatchChange | None,
        device: torch.device,
        peers: Peers = ALONE,
    ) -> StreamedBatches:
        """Return a loader of the rows, mixed in a pool; parameters as of `StreamedBatches`."""
        width = sum(self.widths)
        n_pooled = min(self.n_rows, max(2 * batch_size, POOL_BYTES // (4 * width)))
        return StreamedBatches(
            self.read,
            self.as_batch,
            self.n_rows,
            batch_size,
            torch.empty(n_pooled, width),
            generator,
            change,
            device,
            peers,
        )
