"""Some rows, as the engine hands them on."""

from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Some rows: what the network is given, and what its outputs are held against.

    `share` is that of these rows among all of an update, some of which other processes may have.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    share: float = 1.0

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        if self.target.device == device:
            return self
        target = self.target.to(device)
        inputs = [target if x is self.target else x.to(device) for x in self.inputs]
        return self._replace(inputs=tuple(inputs), target=target)

    def split(self, n_rows: int) -> "list[Batch]":
        """Return parts of at most so many rows."""
        targets = self.target.split(n_rows)
        # a tensor that is both input and target stays one
        inputs = (targets if x is self.target else x.split(n_rows) for x in self.inputs)
        return [Batch(*part) for part in zip(zip(*inputs, strict=True), targets, strict=True)]
