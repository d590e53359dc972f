"""Corruption of the inputs of batches, drawn anew for each; targets stay clean."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor

from skae.engine._batch import Batch
from skae.engine._changes import RandomChange


class Corruption(RandomChange):
    """Abstract base of changes of a batch's first input (Vincent et al. 2010, section 3.3).

    Parameters
    ----------
    level : float
        The strength of the corruption; its meaning is that of the subclass.
    generator : torch.Generator
        On the CPU, so that the same seed gives the same noise on every device.
    """

    def __init__(self, level: float, generator: Generator) -> None:
        super().__init__(generator)
        self.level = level

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with its first input corrupted."""
        first, *others = batch.inputs
        return Batch((self.corrupt(first), *others), batch.target)

    @abstractmethod
    def corrupt(self, x: Tensor) -> Tensor:
        """Return a corrupted copy of `x`."""

    def _uniform(self, x: Tensor) -> Tensor:
        return torch.rand(x.shape, generator=self.generator).to(x.device)


class Gaussian(Corruption):
    """Adds normal noise; `level` is its standard deviation."""

    def corrupt(self, x: Tensor) -> Tensor:
        """Return ``x + level * noise``."""
        noise = torch.randn(x.shape, generator=self.generator, dtype=x.dtype).to(x.device)
        return x + self.level * noise


class Masking(Corruption):
    """Replaces a share `level` of the entries.

    Parameters
    ----------
    level : float in [0, 1]
    generator : torch.Generator
    value : Tensor of shape (n_features,)
        The replacement for each feature.
    """

    def __init__(self, level: float, generator: Generator, value: Tensor) -> None:
        super().__init__(level, generator)
        self.value = value

    def corrupt(self, x: Tensor) -> Tensor:
        """Return `x` with some entries replaced."""
        return torch.where(self._uniform(x) < self.level, self.value.to(x), x)


class SaltAndPepper(Corruption):
    """Sets a share `level` of the entries to the lowest or highest value, by a fair coin.

    Parameters
    ----------
    level : float in [0, 1]
    generator : torch.Generator
    low, high : Tensor of shape (n_features,)
    """

    def __init__(self, level: float, generator: Generator, low: Tensor, high: Tensor) -> None:
        super().__init__(level, generator)
        self.low = low
        self.high = high

    def corrupt(self, x: Tensor) -> Tensor:
        """Return `x` with some entries at an extreme of their feature."""
        draw = self._uniform(x)
        x = torch.where(draw < self.level, self.high.to(x), x)
        # the lower half of the draws below `level`: one number decides both
        return torch.where(draw < self.level / 2, self.low.to(x), x)
