"""Likelihoods: what the decoder's output says of a row. Each owns its link.

The decoder gives `raw`, which depends on the code, and `shared`, learned parameters that do not
(the noise of a normal likelihood, say). A likelihood turns both into a distribution of each
entry of a row: independent entries, given the code.
"""

from abc import ABC, abstractmethod
from math import log, pi
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid, one_hot, softplus

MIN_VARIANCE = 1e-6
"""Smallest variance of a normal likelihood, where the data have a mean square of 1.

A feature that is constant, or a function of others, would otherwise have an unbounded density.
"""


class Likelihood(ABC):
    """A family of distributions of the entries of a row.

    Shapes: `raw` is (..., n_features), or (..., n_features, n_categories) for categories;
    `shared` is (n_shared,); a target is (..., n_features).
    """

    equivariant: ClassVar[bool] = False
    """Whether the data may be shifted and rescaled: the density then changes by the Jacobian."""

    def n_raw(self) -> int:
        """Return how many numbers of the decoder describe an entry."""
        return 1

    def n_shared(self, n_features: int) -> int:
        """Return how many parameters do not depend on the code."""
        return 0

    def refusal(self, x: Tensor) -> str | None:
        """Return what is wrong with the data and what would fit, or None if nothing is."""
        return None

    def input_refusal(self, x: Tensor) -> str | None:
        """Return the same for data that are only encoded."""
        return self.refusal(x)

    def inputs(self, x: Tensor) -> Tensor:
        """Return what the encoder is to see of the data, shape (n, n_inputs)."""
        return x

    def shared_at(self, variance: float, n_features: int) -> Tensor:
        """Return `shared` for noise of this variance, shape (n_shared,), float64."""
        return torch.zeros(self.n_shared(n_features), dtype=torch.float64)

    @abstractmethod
    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-density of every entry, in nats, shape (..., n_features)."""

    @abstractmethod
    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the expected value of every entry, shape (..., n_features)."""

    @abstractmethod
    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw every entry, shape (..., n_features)."""

    def reconstruction(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the one value to show for every entry: its expected value."""
        return self.mean(raw, shared)


class Gaussian(Likelihood):
    """Normal with mean `raw`; one variance for all features, ``MIN_VARIANCE + exp(shared)``.

    Parameters
    ----------
    fixed : float, default=None
        A variance that is not learned.
    """

    equivariant = True

    def __init__(self, fixed: float | None = None) -> None:
        self.fixed = fixed

    def n_shared(self, n_features: int) -> int:
        """Return 1, the logarithm of the variance above its floor; 0 if it is fixed."""
        return 1 if self.fixed is None else 0

    def shared_at(self, variance: float, n_features: int) -> Tensor:
        """Return `shared` for noise of this variance."""
        log_excess = log(max(variance - MIN_VARIANCE, 1e-6 * MIN_VARIANCE))
        return torch.full((self.n_shared(n_features),), log_excess, dtype=torch.float64)

    def variance(self, shared: Tensor) -> Tensor:
        """Return the variance of the noise, shape (1,) or (n_features,)."""
        if self.fixed is not None:
            return shared.new_full((1,), self.fixed)
        return MIN_VARIANCE + shared.exp()

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the normal log-density."""
        variance = self.variance(shared)
        return -0.5 * ((target - raw).square() / variance + variance.log() + log(2 * pi))

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return `raw`."""
        return raw

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Add normal noise."""
        return raw + self.variance(shared).sqrt() * _normal(raw, generator)


class GaussianDiagonal(Gaussian):
    """Normal, with a variance for every feature."""

    def __init__(self) -> None:
        super().__init__(None)

    def n_shared(self, n_features: int) -> int:
        """Return one number per feature."""
        return n_features


class StudentT(Likelihood):
    """Student's t around `raw`, for outliers.

    `shared` holds the logarithm of the squared scale above its floor, and the logarithm of the
    degrees of freedom above 2: the variance exists.
    """

    equivariant = True

    def n_shared(self, n_features: int) -> int:
        """Return 2."""
        return 2

    def shared_at(self, variance: float, n_features: int) -> Tensor:
        """Return `shared` for noise of this variance with ten degrees of freedom."""
        excess = max(0.8 * variance - MIN_VARIANCE, 1e-6 * MIN_VARIANCE)
        return torch.tensor([excess, 8.0], dtype=torch.float64).log()

    def variance(self, shared: Tensor) -> Tensor:
        """Return the variance of the noise, shape ()."""
        scale, freedom = self.scale_and_freedom(shared)
        return scale.square() * freedom / (freedom - 2)

    def scale_and_freedom(self, shared: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scale and the degrees of freedom."""
        return (MIN_VARIANCE + shared[0].exp()).sqrt(), 2 + shared[1].exp()

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-density of Student's t."""
        scale, freedom = self.scale_and_freedom(shared)
        half = (freedom + 1) / 2
        constant = half.lgamma() - (freedom / 2).lgamma() - 0.5 * (freedom * pi).log() - scale.log()
        return constant - half * (((target - raw) / scale).square() / freedom).log1p()

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return `raw`."""
        return raw

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Add normal noise over the root of a chi-squared mean."""
        scale, freedom = self.scale_and_freedom(shared)
        chi2 = 2 * torch._standard_gamma((freedom / 2).expand(raw.shape), generator=generator)
        return raw + scale * _normal(raw, generator) * (freedom / chi2).sqrt()


class Bernoulli(Likelihood):
    """0 or 1, with log-odds `raw`."""

    def refusal(self, x: Tensor) -> str | None:
        """Refuse all but 0 and 1."""
        if bool(((x == 0) | (x == 1)).all()):
            return None
        other = "continuous_bernoulli" if _within_unit_interval(x) else "gaussian"
        return f"needs values of 0 and 1 only, but X has others. Use likelihood={other!r}"

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return ``x raw - log(1 + exp(raw))``."""
        return target * raw - softplus(raw)

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the probability of a 1."""
        return raw.sigmoid()

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw 0 or 1."""
        return (_uniform(raw, generator) < raw.sigmoid()).to(raw)


class DynamicBernoulli(Bernoulli):
    """0 or 1; data to be encoded, or to be drawn from, are probabilities."""

    def input_refusal(self, x: Tensor) -> str | None:
        """Refuse values outside [0, 1]."""
        return None if _within_unit_interval(x) else _outside_unit_interval(x)


class ContinuousBernoulli(Likelihood):
    """A density on [0, 1] proportional to ``exp(raw x)`` (Loaiza-Ganem and Cunningham 2019)."""

    def refusal(self, x: Tensor) -> str | None:
        """Refuse values outside [0, 1]."""
        return None if _within_unit_interval(x) else _outside_unit_interval(x)

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return ``x raw - log((exp(raw) - 1) / raw)``."""
        return target * raw - _log_normalizer(raw)

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return ``1 / (1 - exp(-raw)) - 1 / raw``."""
        is_small = raw.abs() < 1e-2
        safe = torch.where(is_small, 1.0, raw)
        series = 0.5 + raw / 12 - raw**3 / 720
        return torch.where(is_small, series, -1 / torch.expm1(-safe) - 1 / safe)

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Invert the distribution function, from the side where it does not overflow."""
        uniform = _uniform(raw, generator)
        slope = raw.abs().clamp(min=1e-6)
        # log(1 + u (exp(slope) - 1)) / slope without the large exponential
        x = 1 + (uniform + (1 - uniform) * (-slope).exp()).log() / slope
        return torch.where(raw < 0, 1 - x, x).clamp(0, 1)


class Poisson(Likelihood):
    """Counts with mean ``exp(raw)``."""

    def refusal(self, x: Tensor) -> str | None:
        """Refuse all but counts."""
        return _count_refusal(x)

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``log(1 + x)``: counts spread over orders of magnitude."""
        return x.log1p()

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return ``x raw - exp(raw) - log x!``."""
        return target * raw - raw.exp() - (target + 1).lgamma()

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the rate."""
        return raw.exp()

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw counts."""
        return torch.poisson(raw.exp(), generator=generator)


class NegativeBinomial(Likelihood):
    """Counts with mean ``exp(raw)`` and variance ``mean + mean**2 / exp(shared)``."""

    def n_shared(self, n_features: int) -> int:
        """Return one number per feature, the logarithm of the inverse dispersion."""
        return n_features

    def refusal(self, x: Tensor) -> str | None:
        """Refuse all but counts."""
        return _count_refusal(x)

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``log(1 + x)``: counts spread over orders of magnitude."""
        return x.log1p()

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-probability of counts."""
        size = shared.exp()
        log_odds = raw - shared
        choose = (target + size).lgamma() - size.lgamma() - (target + 1).lgamma()
        return choose + target * logsigmoid(log_odds) + size * logsigmoid(-log_odds)

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the mean."""
        return raw.exp()

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw counts whose rate has a gamma distribution."""
        size = shared.exp().expand(raw.shape)
        rate = torch._standard_gamma(size, generator=generator) * (raw - shared).exp()
        return torch.poisson(rate, generator=generator)


class Categorical(Likelihood):
    """One of some categories, coded 0, 1, ..., with log-odds `raw` along the last dimension.

    Parameters
    ----------
    n_categories : tuple of int
        For every feature; raw has as many numbers for each as the largest of them.
    """

    def __init__(self, n_categories: tuple[int, ...]) -> None:
        self.n_categories = n_categories

    def n_raw(self) -> int:
        """Return the largest number of categories."""
        return max(self.n_categories)

    def refusal(self, x: Tensor) -> str | None:
        """Refuse all but codes of categories."""
        is_code = (x == x.round()) & (x >= 0) & (x < torch.tensor(self.n_categories))
        if bool(is_code.all()):
            return None
        row, feature = (~is_code).nonzero()[0].tolist()
        return (
            f"needs categories that are coded 0, 1, 2, ... and were seen in fit: feature {feature} "
            f"had {self.n_categories[feature]}. Got {x[row, feature]:.6g} in row {row}. Encode X, "
            "for example with OrdinalEncoder"
        )

    def inputs(self, x: Tensor) -> Tensor:
        """Return indicators of the categories, shape (n, n_features * n_categories)."""
        return one_hot(x.long(), self.n_raw()).flatten(1).to(x)

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-probability of the categories."""
        log_odds = self._log_probabilities(raw)
        shape = torch.broadcast_shapes(target.shape, log_odds.shape[:-1])
        index = target.long().expand(shape)[..., None]
        return log_odds.expand(*shape, -1).gather(-1, index)[..., 0]

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the expected code; for features of two categories the probability of the 1."""
        codes = torch.arange(self.n_raw(), device=raw.device, dtype=raw.dtype)
        return self._log_probabilities(raw).exp() @ codes

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw categories."""
        probabilities = self._log_probabilities(raw).exp()
        drawn = torch.multinomial(probabilities.flatten(0, -2), 1, generator=generator)
        return drawn.reshape(raw.shape[:-1]).to(raw)

    def reconstruction(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the most probable category."""
        return self._log_probabilities(raw).argmax(-1).to(raw)

    def _log_probabilities(self, raw: Tensor) -> Tensor:
        """Return log-probabilities; of categories that a feature does not have, -inf."""
        codes = torch.arange(raw.shape[-1], device=raw.device)
        n_categories = torch.tensor(self.n_categories, device=raw.device)
        return raw.masked_fill(codes >= n_categories[:, None], -torch.inf).log_softmax(-1)


def _within_unit_interval(x: Tensor) -> bool:
    return bool(x.min() >= 0 and x.max() <= 1)


def _outside_unit_interval(x: Tensor) -> str:
    return (
        f"needs values in [0, 1], but X has values in [{x.min():.6g}, {x.max():.6g}]. "
        "Rescale X, for example with MinMaxScaler, or use likelihood='gaussian'"
    )


def _count_refusal(x: Tensor) -> str | None:
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


def _log_normalizer(raw: Tensor) -> Tensor:
    """Return ``log((exp(raw) - 1) / raw)``, by its series around 0."""
    is_small = raw.abs() < 1e-2
    size = torch.where(is_small, 1.0, raw.abs())
    # (exp(a) - 1) / a = exp(a) (1 - exp(-a)) / a, for a > 0; symmetric but for exp(raw)
    far = raw.clamp(min=0) + (-torch.expm1(-size)).log() - size.log()
    return torch.where(is_small, raw / 2 + raw.square() / 24, far)


def _normal(like: Tensor, generator: Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def _uniform(like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator, dtype=like.dtype).to(like.device)
