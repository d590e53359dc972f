"""Rows in blocks, as a network learns from them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from skae.engine import ALONE, Batch, BatchChange, Peers, StreamedBatches
from skae.rows._reader import Block, Reader
from skae.rows._survey import Survey
from skae.rows._units import Units

ENTRIES_AT_ONCE = 2**20
"""So much is taken into units at a time, which goes through double precision."""
POOL_BYTES = 2**25
"""Rows in which blocks are mixed."""


class BlockStream(ABC):
    """The rows of blocks that are not held out, with all that a batch needs of them.

    Parameters
    ----------
    reader : Reader
        After its first pass.
    n_rows : int
        Rows to learn from that are here.
    widths : list of int
        Of the parts that a row is made of.
    """

    def __init__(self, reader: Reader, n_rows: int, widths: list[int]) -> None:
        self.reader = reader
        self.n_rows = n_rows
        self.widths = widths

    def summary(self) -> tuple[Any, ...]:
        """Return numbers by which the same rows are known again."""
        return self.reader.lengths, self.reader.checksums

    @abstractmethod
    def as_batch(self, rows: Tensor) -> Batch:
        """Take the parts of rows apart."""

    @abstractmethod
    def _enter(self, block: Block, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some rows of a block, in units, with their parts side by side."""

    def _as_rows(self, block: Block) -> Block:
        """Return what is to be learned from a block as rows."""
        return block

    def read(self, generator: Generator) -> Iterator[Tensor]:
        """Yield some rows at a time in float32; the generator draws their order."""
        n_at_once = max(1, ENTRIES_AT_ONCE // max(1, sum(self.widths)))

        def shuffled(n: int) -> list[int]:
            return torch.randperm(n, generator=generator).tolist()

        for read in self.reader.read_again(self._draw_order(generator), shuffled):
            block = self._as_rows(read)
            rows = np.flatnonzero(~block.is_held_out)
            rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
            for first in range(0, len(rows), n_at_once):
                with self.reader.blocks.naming(block.number):
                    values = self._enter(block, rows[first : first + n_at_once])
                yield torch.from_numpy(values)

    def _draw_order(self, generator: Generator) -> list[int] | None:
        """Return the blocks to learn from in random order, if they can be had in any."""
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
        """Return what serves the rows, mixed in a pool; parameters as of `StreamedBatches`."""
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


class Stream(BlockStream):
    """Rows of a table.

    Parameters
    ----------
    reader : Reader
        After its first pass.
    survey : Survey
        What that has found.
    see : callable
        From rows to what the encoder sees of them.
    units : Units
        Those of what it sees.
    indicators : array of shape (n_samples, n_classes) or None
        Of the class of every row.
    n_target : int
        Width of the rows themselves, if the decoder gives them in their own units, else 0.
    """

    def __init__(
        self,
        reader: Reader,
        survey: Survey,
        see: Callable[[NDArray], NDArray],
        units: Units,
        indicators: NDArray | None,
        n_target: int,
    ) -> None:
        n_classes = 0 if indicators is None else indicators.shape[1]
        super().__init__(reader, survey.n_train, [len(units.location), n_classes, n_target])
        self.survey = survey
        self.see = see
        self.units = units
        self.indicators = indicators
        self.n_target = n_target

    @property
    def bounds(self) -> Tensor:
        """The smallest and the largest of all inputs, in units, shape (2, n_inputs)."""
        extremes = np.stack([self.survey.low, self.survey.high])
        return torch.from_numpy(self.units.enter(extremes).astype(np.float32))

    def summary(self) -> tuple[Any, ...]:
        """Return numbers by which the same table is known again."""
        return *super().summary(), self.indicators

    def _enter(self, block: Block, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        X = block.X[rows]
        parts = [self.units.enter(self.see(X))]
        if self.indicators is not None:
            parts.append(self.indicators[block.start + rows])
        if self.n_target:
            parts.append(X)
        return np.hstack(parts, dtype=np.float32, casting="same_kind")

    def as_batch(self, rows: Tensor) -> Batch:
        """Take the parts of rows apart."""
        seen, told, target = rows.split(self.widths, 1)
        inputs = (seen,) if self.indicators is None else (seen, told)
        return Batch(inputs, target if self.n_target else seen)
