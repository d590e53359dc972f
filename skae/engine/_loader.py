"""The contract of what serves rows in batches."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import ceil

import torch
from torch import Generator

from skae.engine._batch import Batch
from skae.engine._changes import BatchChange
from skae.engine._files import StateDict
from skae.engine._peers import ALONE, Peers


class Loader(ABC):
    """Every row once per iteration, in batches whose sizes differ by at most one row, larger first.

    A batch is to be used before the next one is asked for, which is put in its place.

    Parameters
    ----------
    n_rows : int
    batch_size : int
        The largest batch.
    dtype : torch.dtype
        Of batches.
    device : torch.device
        Where they are put.
    generator : torch.Generator or None
        Draws the order of the rows.
    change : BatchChange or None
        What is done to each batch as it is served, anew at every iteration.
    peers : Peers, default=ALONE
        Who else serves rows, each their own, in as many batches. Some of them may have no rows,
        where one has few.

    Attributes
    ----------
    n_rows_of_all : int
        Rows of all peers.
    """

    def __init__(
        self,
        n_rows: int,
        batch_size: int,
        dtype: torch.dtype,
        device: torch.device,
        generator: Generator | None,
        change: BatchChange | None,
        peers: Peers = ALONE,
    ) -> None:
        self.n_rows = n_rows
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = device
        self.generator = generator
        self.change = change
        self.peers = peers
        counts = peers.gather((n_rows, ceil(n_rows / batch_size)))
        self._n_rows_of_each = [n_rows for n_rows, _ in counts]
        self.n_rows_of_all = sum(self._n_rows_of_each)
        self._n_batches = max(n_batches for _, n_batches in counts)

    @property
    def generators(self) -> tuple[Generator, ...]:
        """What draws the order of the rows, and the changes."""
        own = () if self.generator is None else (self.generator,)
        return own if self.change is None else own + self.change.generators

    def state_dict(self) -> StateDict:
        """Return what the next iteration depends on."""
        return {"generators": [generator.get_state() for generator in self.generators]}

    def load_state_dict(self, state: StateDict) -> None:
        """Have the next iteration be the one that followed `state_dict`."""
        for generator, value in zip(self.generators, state["generators"], strict=True):
            generator.set_state(value)

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[Batch]:
        sizes_of_each = [self.sizes(n_rows) for n_rows in self._n_rows_of_each]
        for batch, *sizes in zip(self._serve(), *sizes_of_each, strict=True):
            there = batch.to(self.device)
            changed = there if self.change is None else self.change(there)
            yield changed._replace(share=sizes[self.peers.rank] / sum(sizes))

    def sizes(self, n_rows: int) -> Iterator[int]:
        """Yield the sizes of the batches of so many rows, as `tensor_split` has them."""
        size, n_larger = divmod(n_rows, len(self))
        for number in range(len(self)):
            yield size + (number < n_larger)

    @abstractmethod
    def _serve(self) -> Iterator[Batch]:
        """Yield batches, anywhere and not yet changed."""
