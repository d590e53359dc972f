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

    def split(self, n_rows: int) -> "list[Batch]":
        """Return parts of at most so many rows."""
        inputs = zip(*(tensor.split(n_rows) for tensor in self.inputs), strict=True)
        return [
            Batch(part, target)
            for part, target in zip(inputs, self.target.split(n_rows), strict=True)
        ]


class Batches:
    """Every row once per iteration, in batches whose sizes differ by at most one row.

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
    """

    def __init__(
        self,
        inputs: tuple[Tensor, ...],
        target: Tensor,
        rows: Tensor,
        batch_size: int,
        generator: Generator | None = None,
        corruption: Callable[[Batch], Batch] | None = None,
    ) -> None:
        self.inputs = inputs
        self.target = target
        self.rows = rows
        self.batch_size = batch_size
        self.generator = generator
        self.corruption = corruption

    def __len__(self) -> int:
        return ceil(len(self.rows) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.rows
        if self.generator is not None:
            order = order[torch.randperm(len(order), generator=self.generator)]
        for rows in order.to(self.target.device).tensor_split(len(self)):
            batch = self._take(rows)
            yield batch if self.corruption is None else self.corruption(batch)

    def _take(self, rows: Tensor) -> Batch:
        inputs = tuple(tensor.index_select(0, rows) for tensor in self.inputs)
        for whole, part in zip(self.inputs, inputs, strict=True):
            if self.target is whole:
                return Batch(inputs, part)
        return Batch(inputs, self.target.index_select(0, rows))
