"""Thresholds, which make codes sparse: functions whose results have exact zeros."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function

BANDWIDTH = 0.5
"""Width of the kernel through which the thresholds of `JumpReLU` learn."""
SPEED = 10.0
"""Factor by which logarithms of thresholds move faster than other parameters."""


class TopK(nn.Module):
    """Keeps the largest entries of every row, if they are positive.

    Makhzani and Frey (2014); with the rectifier, Gao et al. (2024).

    Parameters
    ----------
    n_nonzero : int
    """

    def __init__(self, n_nonzero: int) -> None:
        super().__init__()
        self.n_nonzero = n_nonzero

    def forward(self, drive: Tensor) -> Tensor:
        """Return the code, shape (n, n_components)."""
        # a product, not `where`: NaN must not become zero
        return drive.relu() * self._is_largest(drive.detach())

    def _is_largest(self, drive: Tensor) -> Tensor:
        """Return a mask of the largest entries of every row, shape (n, n_components)."""
        is_plain = drive.device.type == "cpu" and drive.dtype != torch.bfloat16
        if is_plain and not torch.compiler.is_compiling():
            # numpy's selection is vectorised, and several times faster than torch's
            largest = np.partition(drive.numpy(), -self.n_nonzero, axis=1)[:, -self.n_nonzero, None]
            chosen = drive >= torch.from_numpy(largest)
            if int(chosen.count_nonzero()) == self.n_nonzero * len(drive):
                return chosen
        # for other devices, ties, bfloat16 and exports, none of which numpy handles
        places = drive.topk(self.n_nonzero, dim=1, sorted=False).indices
        return torch.zeros_like(drive, dtype=torch.bool).scatter_(1, places, True)


class JumpReLU(nn.Module):
    """Keeps entries above a learned threshold of each component (Rajamanoharan et al. 2024).

    The thresholds' gradients are straight-through estimates, equations 11 and 12.

    Parameters
    ----------
    n_components : int
    """

    def __init__(self, n_components: int) -> None:
        super().__init__()
        start = torch.full((n_components,), 0.5, dtype=torch.float64)
        # the logarithm over SPEED, so that the optimiser's steps change it SPEED times faster
        self.slow_threshold = nn.Parameter(start.log() / SPEED)

    def thresholds(self) -> Tensor:
        """Return the threshold of every component."""
        return (SPEED * self.slow_threshold).exp()

    def forward(self, drive: Tensor) -> Tensor:
        """Return the code, shape (n, n_components)."""
        return _Jump.apply(drive, self.thresholds())

    def count(self, drive: Tensor) -> Tensor:
        """Return the number of nonzeros of every row, shape (n,)."""
        return _Step.apply(drive, self.thresholds()).sum(1)


class _Jump(Function):
    """``drive * [drive > threshold]``."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, threshold: Tensor) -> Tensor:
        """Return the code."""
        ctx.save_for_backward(drive, threshold)
        return drive * (drive > threshold)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of drive and threshold (equation 11)."""
        drive, threshold = ctx.saved_tensors
        to_threshold = -(threshold / BANDWIDTH) * _kernel(drive, threshold) * gradient
        return gradient * (drive > threshold), to_threshold.sum(0)


class _Step(Function):
    """``[drive > threshold]``; only the threshold learns from it."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, threshold: Tensor) -> Tensor:
        """Return 1 where the code is not zero."""
        ctx.save_for_backward(drive, threshold)
        return (drive > threshold).to(drive)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        """Return the gradient of the threshold (equation 12)."""
        drive, threshold = ctx.saved_tensors
        return None, (-_kernel(drive, threshold) / BANDWIDTH * gradient).sum(0)


def _kernel(drive: Tensor, threshold: Tensor) -> Tensor:
    """Return 1 where the drive is within half a bandwidth of the threshold, else 0."""
    return ((drive - threshold).abs() < BANDWIDTH / 2).to(drive)


THRESHOLDS: dict[str, Callable[[int, int], nn.Module]] = {
    "topk": lambda n_components, n_nonzero: TopK(n_nonzero),
    "relu": lambda n_components, n_nonzero: nn.ReLU(),
    "jumprelu": lambda n_components, n_nonzero: JumpReLU(n_components),
}
"""Makers of thresholds, from the number of components and of nonzeros."""
