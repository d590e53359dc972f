"""Rows in memory, served in batches."""

from collections.abc import Callable, Iterator
from math import ceil
from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Batch(NamedTuple):
    """Some rows: what the network is given, and what its outputs are held against."""

    inputs: tuple[Tensor, ...]
    target: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        if self.target.device == device:
            return self
        target = self.target.to(device)
        inputs = [target if x is self.target else x.to(device) for x in self.inputs]
        return Batch(tuple(inputs), target)

    def split(self, n_rows: int) -> "list[Batch]":
        """Return parts of at most so many rows."""
        targets = self.target.split(n_rows)
        # a tensor that is both input and target stays one
        inputs = (targets if x is self.target else x.split(n_rows) for x in self.inputs)
        return [Batch(*part) for part in zip(zip(*inputs, strict=True), targets, strict=True)]


class Batches:
    """Every row once per iteration, in batches whose sizes differ by at most one row.

    A batch is to be used before the next one is asked for, which is put in its place.

    Parameters
    ----------
    inputs : tuple of Tensor, each of shape (n, ...)
    target : Tensor of shape (n, ...)
        May be one of `inputs` itself; its rows are then gathered once.
    rows : Tensor of shape (n_rows,)
        The rows to serve, integers below n.
    batch_size : int
        The largest batch.
    generator : torch.Generator, default=None
        Draws a new order at every iteration. None: the order of `rows`.
    corruption : callable, default=None
        Changes each batch as it is served, anew at every iteration.
    device : torch.device, default=None
        Where batches are put. None: where the tensors are.
    """

    def __init__(
        self,
        inputs: tuple[Tensor, ...],
        target: Tensor,
        rows: Tensor,
        batch_size: int,
        generator: Generator | None = None,
        corruption: Callable[[Batch], Batch] | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.inputs = inputs
        self.target = target
        self.rows = rows
        self.batch_size = batch_size
        self.generator = generator
        self.corruption = corruption
        self.device = target.device if device is None else device
        self._input_places = [x.new_empty(0) for x in inputs]
        self._target_place = target.new_empty(0)

    def __len__(self) -> int:
        return ceil(len(self.rows) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.rows
        if self.generator is not None:
            order = order[torch.randperm(len(order), generator=self.generator)]
        for rows in order.to(self.target.device).tensor_split(len(self)):
            batch = self._take(rows).to(self.device)
            yield batch if self.corruption is None else self.corruption(batch)

    def _take(self, rows: Tensor) -> Batch:
        """Gather rows where the last ones lay: new memory would cost more than the copy."""
        target = _gather(self.target, rows, self._target_place)
        inputs = [
            target if x is self.target else _gather(x, rows, place)
            for x, place in zip(self.inputs, self._input_places, strict=True)
        ]
        return Batch(tuple(inputs), target)


def _gather(tensor: Tensor, rows: Tensor, place: Tensor) -> Tensor:
    place.resize_(rows.shape + tensor.shape[1:])
    return torch.index_select(tensor, 0, rows, out=place)
