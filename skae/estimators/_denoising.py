"""Corruptions in the units in which networks see the data."""

import torch
from torch import Generator, Tensor

from skae.engine import Corruption, Gaussian, Masking, SaltAndPepper
from skae.rows._units import Units


def make_corruption(
    name: str, level: float, units: Units, inputs: Tensor, generator: Generator
) -> Corruption:
    """Return a corruption of inputs that were taken into `units`.

    Parameters
    ----------
    name : {"gaussian", "masking", "salt_and_pepper"}
    level : float
        For "gaussian" in the data's own units, else a share of the entries.
    units : Units
    inputs : Tensor of shape (n_samples, n_features)
        In `units`. "salt_and_pepper" takes the extremes of the features from them.
    generator : torch.Generator
    """
    if name == "gaussian":
        return Gaussian(level / units.scale, generator)
    if level > 1:
        raise ValueError(
            f"With corruption={name!r}, the 'corruption_level' parameter is the share of the "
            f"entries that are changed and must be in [0, 1]. Got {level} instead."
        )
    if name == "masking":
        zero = torch.from_numpy(units.enter(0.0 * units.location)).to(inputs)
        return Masking(level, generator, zero)
    return SaltAndPepper(level, generator, inputs.amin(0), inputs.amax(0))
