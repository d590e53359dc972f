"""The metric of velocity fields, which measures deformations."""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor


@dataclass(frozen=True)
class Metric:
    """``<v, v> = sum_x v . L v`` with ``L = (gamma - alpha * Laplacian)**power``.

    L and its inverse K are applied by the Fourier transform, so that fields are continued
    periodically. The Laplacian is computed from differences of neighbours: its eigenvalues are
    ``-sum_d (2 - 2 cos(2 pi k_d / N_d))``.

    Attributes
    ----------
    alpha : float
        Cost of rough velocities, in squared pixels; not negative.
    gamma : float
        Cost of all velocities; positive. K spreads a force over ``sqrt(alpha / gamma)`` pixels.
    power : int or float
        Exponent of the operator; positive.
    """

    alpha: float
    gamma: float
    power: float

    def sharpen(self, velocity: Tensor) -> Tensor:
        """Return the momentum L v of a velocity v, both of shape (n, n_dims, *sizes)."""
        return self._apply(velocity, self.power)

    def smooth(self, momentum: Tensor) -> Tensor:
        """Return the velocity K m of a momentum m."""
        return self._apply(momentum, -self.power)

    def energy(self, velocity: Tensor) -> Tensor:
        """Return ``<v, v>``, summed over the pixels, shape (n,)."""
        return (velocity * self.sharpen(velocity)).flatten(1).sum(1)

    def _apply(self, field: Tensor, power: float) -> Tensor:
        if not len(field):  # a batch of a process that has no rows left; MKL refuses it
            return field
        axes, sizes = tuple(range(2, field.ndim)), field.shape[2:]
        eigenvalues = self._eigenvalues(field) ** power
        # the sizes tell irfftn whether the last one was odd
        return torch.fft.irfftn(torch.fft.rfftn(field, dim=axes) * eigenvalues, sizes, axes)

    def _eigenvalues(self, field: Tensor) -> Tensor:
        """Return the eigenvalues of ``gamma - alpha * Laplacian``, in the order of rfftn."""
        sizes = field.shape[2:]
        # rfftn keeps half of the last axis, since the others are complex conjugates
        n_kept = *sizes[:-1], sizes[-1] // 2 + 1
        total = torch.full((), self.gamma, dtype=field.dtype, device=field.device)
        for size, n in zip(sizes, n_kept, strict=True):
            angles = torch.arange(n, dtype=field.dtype, device=field.device) * (2 * pi / size)
            # one more axis at each size: () -> (n_1,) -> (n_1, n_2) ...
            total = total[..., None] + self.alpha * (2 - 2 * angles.cos())
        return total
