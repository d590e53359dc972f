"""Binary data drawn anew for every batch."""

import torch
from torch import Generator, Tensor

from skae.engine import Batch, RandomChange
from skae.rows._units import Units


class DynamicBinarization(RandomChange):
    """Draws 0 or 1 from targets that are probabilities; the network is given the same draw.

    Parameters
    ----------
    units : Units
        The units of the network's input.
    like : Tensor
        A tensor with the dtype and the device of the network's input.
    generator : torch.Generator
        On the CPU.
    """

    def __init__(self, units: Units, like: Tensor, generator: Generator) -> None:
        super().__init__(generator)
        self.location = torch.from_numpy(units.location).to(like)
        self.scale = units.scale

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with a binary target and input."""
        # drawn on the CPU: draws then do not depend on the device
        draw = torch.rand(batch.target.shape, generator=self.generator).to(batch.target)
        target = (draw < batch.target).to(batch.target)
        # the other inputs, such as noise of codes, stay
        _, *others = batch.inputs
        return Batch(((target - self.location) / self.scale, *others), target)
