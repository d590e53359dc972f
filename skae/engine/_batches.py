"""Rows in memory, served in batches."""

from collections.abc import Iterator
from math import ceil
from typing import Any

import torch
from torch import Generator, Tensor

from skae.engine._batch import Batch
from skae.engine._changes import BatchChange


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
    change : BatchChange, default=None
        What is done to each batch as it is served, anew at every iteration.
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
        change: BatchChange | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.inputs = inputs
        self.target = target
        self.rows = rows
        self.batch_size = batch_size
        self.generator = generator
        self.change = change
        self.device = target.device if device is None else device
        self._input_places = [x.new_empty(0) for x in inputs]
        self._target_place = target.new_empty(0)

    @property
    def generators(self) -> tuple[Generator, ...]:
        """What draws the order of the rows, and the changes."""
        own = () if self.generator is None else (self.generator,)
        return own if self.change is None else own + self.change.generators

    def state_dict(self) -> dict[str, Any]:
        """Return what the next iteration depends on."""
        return {"generators": [generator.get_state() for generator in self.generators]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Have the next iteration be the one that followed `state_dict`."""
        for generator, value in zip(self.generators, state["generators"], strict=True):
            generator.set_state(value)

    def __len__(self) -> int:
        return ceil(len(self.rows) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.rows
        if self.generator is not None:
            order = order[torch.randperm(len(order), generator=self.generator)]
        for rows in order.to(self.target.device).tensor_split(len(self)):
            batch = self._take(rows).to(self.device)
            yield batch if self.change is None else self.change(batch)

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
