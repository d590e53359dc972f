"""Standard normal noise as an input of networks, which are then functions of their inputs."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor

from skae.engine._batch import Batch
from skae.engine._changes import BatchChange


class Noise(BatchChange):
    """Abstract base of changes that insert noise, shape (n, n_draws, width), as second input."""

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with noise as its second input."""
        first, *others = batch.inputs
        return Batch((first, self.draw(first), *others), batch.target)

    @abstractmethod
    def draw(self, x: Tensor) -> Tensor:
        """Return noise for every row of `x`, of its dtype and on its device."""


class NormalNoise(Noise):
    """Independent draws, new for every batch.

    Parameters
    ----------
    n_draws, width : int
    generator : torch.Generator
        On the CPU, so that the same seed gives the same noise on every device.
    """

    def __init__(self, n_draws: int, width: int, generator: Generator) -> None:
        self.n_draws = n_draws
        self.width = width
        self.generator = generator

    @property
    def generators(self) -> tuple[Generator, ...]:
        """The generators of its random numbers."""
        return (self.generator,)

    def draw(self, x: Tensor) -> Tensor:
        """Return new noise."""
        shape = (len(x), self.n_draws, self.width)
        return torch.randn(shape, generator=self.generator, dtype=x.dtype).to(x.device)


class CubatureNoise(Noise):
    """The 2 width points ``+-sqrt(width) e_i``, the same for every row.

    Means over them are exact for polynomials up to the third degree (Arasaratnam and Haykin 2009,
    equation 33), such as squared errors of linear decoders.

    Parameters
    ----------
    width : int
    """

    def __init__(self, width: int) -> None:
        self.width = width

    def draw(self, x: Tensor) -> Tensor:
        """Return the points, shape (n, 2 * width, width)."""
        points = self.width**0.5 * torch.eye(self.width, dtype=x.dtype, device=x.device)
        return torch.cat([points, -points]).expand(len(x), -1, -1)


class ShiftedNoise(Noise):
    """Quasi-random draws, shifted by each row's own amount.

    The estimate for a row depends neither on the other rows nor on the call. The errors of rows are
    almost independent, so that a mean over rows averages them out. The points are a scrambled Sobol
    sequence (Owen 1998), the shifts are modulo 1 (Cranley and Patterson 1976): every single draw is
    standard normal.

    Parameters
    ----------
    n_draws, width : int
    n_inputs : int
        Number of entries of a row; they should be of the order of 1.
    seed : int
    """

    def __init__(self, n_draws: int, width: int, n_inputs: int, seed: int) -> None:
        sobol = torch.quasirandom.SobolEngine(width, scramble=True, seed=seed)
        self.points = sobol.draw(n_draws, dtype=torch.float64)
        generator = Generator().manual_seed(seed)
        directions = torch.randn(n_inputs, width, generator=generator, dtype=torch.float64)
        # rows that differ in the third digit are shifted by unrelated amounts
        self.directions = 1000 * directions

    def draw(self, x: Tensor) -> Tensor:
        """Return the same noise for the same rows."""
        shift = x.cpu().double() @ self.directions
        uniform = (self.points + shift[:, None]).remainder(1.0)  # (n, n_draws, width)
        # clamped: 0 and 1 would become infinite
        return torch.special.ndtri(uniform.clamp(1e-12, 1 - 1e-12)).to(x)
