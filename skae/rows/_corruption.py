"""Corruptions of rows, in the units in which networks are given them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from skae.engine import Corruption, Gaussian, Masking, SaltAndPepper
from skae.rows._random import torch_generator
from skae.rows._units import Units


@dataclass(frozen=True)
class CorruptionPlan:
    """The kind and strength of a corruption, as users give them.

    Attributes
    ----------
    name : {"gaussian", "masking", "salt_and_pepper"}
    level : float
        For "gaussian" a standard deviation in the data's own units, else a share of the entries.
    """

    name: str
    level: float

    @property
    def hint(self) -> str:
        """The parameter that may have made a training diverge, for an error message."""
        return f" and at corruption_level (it was {self.level})"

    def make(self, units: Units, bounds: Tensor, generator: Generator) -> Corruption:
        """Return the corruption for inputs in `units`.

        Parameters
        ----------
        units : Units
        bounds : Tensor of shape (n, ...)
            The smallest and the largest inputs, or all of them, in `units`. "salt_and_pepper" sets
            entries to the smallest or the largest value of their feature.
        generator : torch.Generator

        Raises
        ------
        ValueError
            If a share of entries is above 1.
        """
        if self.name == "gaussian":
            return Gaussian(self.level / units.scale, generator)
        if self.level > 1:
            raise ValueError(
                f"With corruption={self.name!r}, the 'corruption_level' parameter is the share of "
                f"the entries that are changed and must be in [0, 1]. Got {self.level} instead."
            )
        if self.name == "masking":
            # masked entries are zero in the data's own units, which is not zero in `units`
            zero = torch.from_numpy(units.enter(0.0 * units.location)).to(bounds)
            return Masking(self.level, generator, zero)
        return SaltAndPepper(self.level, generator, bounds.amin(0), bounds.amax(0))

    def corrupt(
        self, X: NDArray, units: Units, random_state: np.random.RandomState
    ) -> NDArray[np.float64]:
        """Return corrupted rows, in `units` like X."""
        clean = torch.from_numpy(X)
        corruption = self.make(units, clean, torch_generator(random_state))
        return corruption.corrupt(clean).numpy()


def plan_corruption(name: str | None, level: float) -> CorruptionPlan | None:
    """Return the plan of a corruption, or None if there is none."""
    return None if name is None else CorruptionPlan(name, level)
