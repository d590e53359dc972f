"""The logarithm of the gamma function, without its large part."""

from math import log, pi

import torch
from torch import Tensor

SERIES_FROM = 8.0
"""From here on, three terms of Stirling's series have errors below 1e-9."""


def stirling_rest(x: Tensor) -> Tensor:
    """Return ``log Gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2)`` for x > 0.

    It is at most of the order of 1, except for tiny x. Differences of log Gamma at large arguments
    can be found from it without subtracting large numbers (Abramowitz and Stegun 6.1.41).
    """
    small, large = x.clamp(max=SERIES_FROM), x.clamp(min=SERIES_FROM)
    # clamped, since gradients pass through the branch that is not taken, and could be NaN
    exact = small.lgamma() - ((small - 0.5) * small.log() - small + 0.5 * log(2 * pi))
    inverse_square = large.square().reciprocal()
    series = (1 / 12 - inverse_square * (1 / 360 - inverse_square / 1260)) / large
    return torch.where(x < SERIES_FROM, exact, series)
