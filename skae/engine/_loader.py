"""The contract of loaders, which serve rows in batches."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import ceil

import torch
from torch import Generator

from skae.engine._batch import Batch
from skae.engine._changes import BatchChange
from skae.engine._checkpoint import StateDict
from skae.engine._peers import ALONE, Peers


class Loader(ABC):
    """Serves every row once per iteration, in batches whose sizes differ by at most one row.

    Larger batches come first. A batch is valid until the next one is served, which may take its
    place in memory.

    Parameters
    ----------
    n_rows : int
    batch_size : int
        The largest batch.
    dtype : torch.dtype
        The batches' dtype.
    device : torch.device
        The batches' device.
    generator : torch.Generator or None
        Draws the order of the rows; None: they have a fixed order.
    change : BatchChange or None
        Applied to each batch as it is served. None: nothing is changed.
    peers : Peers, default=ALONE
        The processes that serve rows at the same time, each its own, in the same number of batches.
        Batches may be without rows, where one has few of them.

    Attributes
    ----------
    n_rows_of_all : int
        Number of rows of all peers.
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
        # of every peer: rows, and batches that it would serve alone
        counts = peers.gather((n_rows, ceil(n_rows / batch_size)))
        self._n_rows_of_each = [n_rows for n_rows, _ in counts]
        self.n_rows_of_all = sum(self._n_rows_of_each)
        self._n_batches = max(n_batches for _, n_batches in counts)

    @property
    def generators(self) -> tuple[Generator, ...]:
        """The generators of the order of the rows and of the changes."""
        own = () if self.generator is None else (self.generator,)
        return own if self.change is None else own + self.change.generators

    def state_dict(self) -> StateDict:
        """Return all that the next iteration depends on."""
        return {"generators": [generator.get_state() for generator in self.generators]}

    def load_state_dict(self, state: StateDict) -> None:
        """Set the state that `state_dict` returned: the same iteration follows."""
        for generator, value in zip(self.generators, state["generators"], strict=True):
            generator.set_state(value)

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[Batch]:
        sizes_of_each = [self.sizes(n_rows) for n_rows in self._n_rows_of_each]
        for batch, *sizes in zip(self._serve(), *sizes_of_each, strict=True):
            there = batch.to(self.device)
            changed = there if self.change is None else self.change(there)
            # the weight of these rows in the mean over the rows of all peers
            yield changed._replace(share=sizes[self.peers.rank] / sum(sizes))

    def sizes(self, n_rows: int) -> Iterator[int]:
        """Yield the sizes of the batches of so many rows, as `tensor_split` has them."""
        size, n_larger = divmod(n_rows, len(self))
        for number in range(len(self)):
            yield size + (number < n_larger)

    @abstractmethod
    def _serve(self) -> Iterator[Batch]:
        """Yield batches on any device, not yet changed."""
