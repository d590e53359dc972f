"""Batches of rows."""

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Some rows: the network's inputs, and the target with which its outputs are compared.

    `share` is the number of these rows over that of all rows of an update, of which other processes
    may have some.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    share: float = 1.0

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        if self.target.device == device:
            return self
        target = self.target.to(device)
        # a tensor that is both input and target is copied once
        inputs = [target if x is self.target else x.to(device) for x in self.inputs]
        return self._replace(inputs=tuple(inputs), target=target)

    def split(self, n_rows: int) -> "list[Batch]":
        """Return parts of at most `n_rows` rows."""
        targets = self.target.split(n_rows)
        # a tensor that is both input and target stays one
        inputs = (targets if x is self.target else x.split(n_rows) for x in self.inputs)
        return [Batch(*part) for part in zip(zip(*inputs, strict=True), targets, strict=True)]
