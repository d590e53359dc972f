"""Likelihoods of counts, which are exact for large counts in float32.

Both are the sum of a deviance, which is small where the model is good, and of a function of the
count alone. Written otherwise, they would be differences of large numbers, with nothing left but
rounding errors.
"""

from math import pi

import torch
from torch import Generator, Tensor

from skae.objectives._gamma import stirling_rest
from skae.objectives._likelihoods import Likelihood

MAX_LOG_RATE = 40.0
"""Larger log-rates are taken for 40: relative to such a rate, Poisson noise is below rounding."""
MIN_LOG_SIZE, MAX_LOG_SIZE = -10.0, 20.0
"""With larger sizes, a negative binomial distribution equals Poisson's in every digit."""


class _Counts(Likelihood):
    """Abstract base of likelihoods of whole numbers from 0 on, with the mean ``exp(raw)``."""

    def refusal(self, x: Tensor) -> str | None:
        """Refuse data that are not counts."""
        if x.min() < 0:
            return (
                f"needs counts, but X has negative values down to {x.min():.6g}. "
                "Use likelihood='gaussian'"
            )
        if not torch.equal(x, x.round()):
            return (
                "needs whole numbers, but X has others. Use likelihood='gaussian', on log(1 + X) "
                "if X are amounts"
            )
        return None

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``log(1 + x)``, since counts spread over orders of magnitude; in float64.

        In float32, logarithms of large counts may be equal where the counts are not.
        """
        return x.double().log1p()

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the rate."""
        return raw.clamp(max=MAX_LOG_RATE).exp()


class Poisson(_Counts):
    """Counts with mean and variance ``exp(raw)``."""

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-probability of counts."""
        excess, log_ratio = _against(raw, target)
        return target * log_ratio - excess + _saturated(target)

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw counts."""
        return torch.poisson(self.mean(raw, shared), generator=generator)


class NegativeBinomial(_Counts):
    """Counts with mean ``exp(raw)`` and variance ``mean + mean**2 / exp(shared)``."""

    def n_shared(self, n_features: int) -> int:
        """Return one number per feature, the logarithm of the inverse dispersion."""
        return n_features

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-probability of counts."""
        size = self.size(shared)
        excess, log_ratio = _against(raw, target)
        total = target + size
        # log1p: the ratio is tiny where the size is large
        deviance = total * (excess / total).log1p() - target * log_ratio
        # log of the binomial coefficient, with the large parts of log Gamma cancelled by hand
        choose = stirling_rest(total) - stirling_rest(size) - 0.5 * (target / size).log1p()
        return _saturated(target) + choose - deviance

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw counts whose rate has a gamma distribution."""
        size = self.size(shared).expand(raw.shape)
        rate = torch._standard_gamma(size, generator=generator) * self.mean(raw, shared) / size
        return torch.poisson(rate, generator=generator)

    def size(self, shared: Tensor) -> Tensor:
        """Return the inverse of the dispersion."""
        return shared.clamp(MIN_LOG_SIZE, MAX_LOG_SIZE).exp()


def _against(raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean minus the count, and the logarithm of their ratio; 0 for a count of 0."""
    raw = raw.clamp(max=MAX_LOG_RATE)
    # no logarithm of 0: gradients pass through the branch that is not taken, and would be NaN
    is_zero = target == 0
    log_ratio = raw - torch.where(is_zero, 1.0, target).log()
    excess = torch.where(is_zero, raw.exp(), target * log_ratio.expm1())
    return excess, torch.where(is_zero, 0.0, log_ratio)


def _saturated(target: Tensor) -> Tensor:
    """Return Poisson's log-probability of counts when the mean is the count itself."""
    count = target.clamp(min=1)
    return torch.where(target == 0, 0.0, -0.5 * (2 * pi * count).log() - stirling_rest(count))
