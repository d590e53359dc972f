"""Likelihoods: distributions of rows, given the decoder's output. Each owns its link.

The decoder gives `raw`, which depends on the code, and `shared`, learned parameters that do not
(such as the noise of a normal likelihood). A likelihood turns both into a distribution of every
entry of a row. Given the code, entries are independent.
"""

from abc import ABC, abstractmethod
from math import log, pi
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import softplus

from skae.objectives._gamma import stirling_rest

MIN_VARIANCE = 1e-6
"""Smallest variance of a normal likelihood, for data with a mean square of 1.

The density of a feature that is constant, or a function of others, would otherwise be unbounded.
"""


class Likelihood(ABC):
    """A family of distributions of the entries of a row.

    Shapes: `raw` is (..., n_features), or (..., n_features, n_categories) for categories;
    `shared` is (n_shared,); a target is (..., n_features).
    """

    equivariant: ClassVar[bool] = False
    """Whether the data may be shifted and rescaled, which changes the density by the Jacobian."""
    min_variance: ClassVar[float] = 0.0
    """The floor of a learned noise variance, in the units of the network."""

    def n_raw(self) -> int:
        """Return the number of the decoder's outputs for each entry."""
        return 1

    def n_shared(self, n_features: int) -> int:
        """Return the number of parameters that do not depend on the code."""
        return 0

    def refusal(self, x: Tensor) -> str | None:
        """Return the reason why data cannot be modelled and a remedy, or None if they can."""
        return None

    def input_refusal(self, x: Tensor) -> str | None:
        """Return the reason why data cannot be encoded and a remedy, or None if they can."""
        return self.refusal(x)

    def inputs(self, x: Tensor) -> Tensor:
        """Return the encoder's input for rows of data, shape (n, n_inputs)."""
        return x

    def shared_at(self, variance: float, n_features: int) -> Tensor:
        """Return `shared` for noise of this variance, shape (n_shared,), float64."""
        return torch.zeros(self.n_shared(n_features), dtype=torch.float64)

    @abstractmethod
    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-density of every entry, in nats, shape (..., n_features)."""

    def differentiate(
        self, raw: Tensor, shared: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the log-densities, and the gradients of their sum by `raw` and by `shared`.

        Found by autograd, unless a likelihood overrides it.
        """
        with torch.enable_grad():
            leaves = raw.detach().requires_grad_(), shared.detach().requires_grad_()
            log_prob = self.log_prob(*leaves, target)
            to_raw, to_shared = torch.autograd.grad(log_prob.sum(), leaves, materialize_grads=True)
        return log_prob.detach(), to_raw, to_shared

    @abstractmethod
    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the expected value of every entry, shape (..., n_features)."""

    @abstractmethod
    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw every entry, shape (..., n_features)."""

    def variance(self, shared: Tensor) -> Tensor | None:
        """Return the variance of noise around `mean` that does not depend on the code.

        Returns
        -------
        variance : Tensor of shape (), (1,) or (n_features,), or None
            None: the likelihood has no such noise; its variance is a function of its mean.
        """
        return None

    def spread(self, shared: Tensor) -> Tensor:
        """Return a change of `raw` by which rows become much less likely.

        Returns
        -------
        spread : Tensor of shape (), (1,) or (n_features,)
        """
        return torch.ones((), dtype=shared.dtype)

    def reconstruction(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the value that stands for every entry, which is its expected value."""
        return self.mean(raw, shared)

    def mixed_reconstruction(self, raw: Tensor, shared: Tensor, shares: Tensor) -> Tensor:
        """Return the value that stands for every entry of a mixture.

        Parameters
        ----------
        raw : Tensor of shape (n_components, ...)
        shared : Tensor
        shares : Tensor of shape (n_components,)
        """
        return torch.tensordot(shares, self.reconstruction(raw, shared), 1)


class Gaussian(Likelihood):
    """Normal with mean `raw`; one variance for all features, ``MIN_VARIANCE + exp(shared)``.

    Parameters
    ----------
    fixed : float, default=None
        A variance that is not learned.
    """

    equivariant = True
    min_variance = MIN_VARIANCE

    def __init__(self, fixed: float | None = None) -> None:
        self.fixed = fixed

    def n_shared(self, n_features: int) -> int:
        """Return 1, the logarithm of the variance above its floor; 0 if it is fixed."""
        return 1 if self.fixed is None else 0

    def shared_at(self, variance: float, n_features: int) -> Tensor:
        """Return `shared` for noise of this variance."""
        log_excess = log(max(variance - MIN_VARIANCE, 1e-6 * MIN_VARIANCE))
        return torch.full((self.n_shared(n_features),), log_excess, dtype=torch.float64)

    def spread(self, shared: Tensor) -> Tensor:
        """Return the standard deviation of the noise."""
        return self.variance(shared).sqrt()

    def variance(self, shared: Tensor) -> Tensor:
        """Return the variance of the noise, shape (1,) or (n_features,)."""
        if self.fixed is not None:
            return shared.new_full((1,), self.fixed)
        return MIN_VARIANCE + shared.exp()

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the normal log-density."""
        variance = self.variance(shared)
        return -0.5 * ((target - raw).square() / variance + variance.log() + log(2 * pi))

    def differentiate(
        self, raw: Tensor, shared: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the log-densities, and the gradients of their sum by `raw` and by `shared`."""
        variance = self.variance(shared)
        error = target - raw
        to_raw = error / variance
        squares = error.mul_(to_raw)  # in place: error is not needed any more
        log_prob = -0.5 * (squares + variance.log() + log(2 * pi))
        if self.fixed is not None:
            return log_prob, to_raw, torch.zeros_like(shared)
        # summed over rows, and over features if they share their variance
        to_log_variance = ((squares - 1) / 2).sum_to_size(shared.shape)
        return log_prob, to_raw, to_log_variance * shared.exp() / variance

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


MIN_LOG_FREEDOM, MAX_LOG_FREEDOM = -3.0, 15.0
"""With fewer degrees of freedom the variance is nearly infinite, with more the noise is normal."""


class StudentT(Likelihood):
    """Student's t around `raw`, whose heavy tails suit data with outliers.

    `shared` holds the logarithm of the squared scale above its floor, and the logarithm of the
    degrees of freedom above 2: the variance exists.
    """

    equivariant = True
    min_variance = MIN_VARIANCE

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
        freedom = 2 + shared[1].clamp(MIN_LOG_FREEDOM, MAX_LOG_FREEDOM).exp()
        return (MIN_VARIANCE + shared[0].exp()).sqrt(), freedom

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-density of Student's t."""
        scale, freedom = self.scale_and_freedom(shared)
        half = freedom / 2
        # log Gamma(half + 1/2) - log Gamma(half) - log(half) / 2, which vanishes for large half
        ratio = half * (0.5 / half).log1p() - 0.5 + stirling_rest(half + 0.5) - stirling_rest(half)
        constant = ratio - 0.5 * log(2 * pi) - scale.log()
        squares = ((target - raw) / scale).square()
        return constant - (half + 0.5) * (squares / freedom).log1p()

    def spread(self, shared: Tensor) -> Tensor:
        """Return the scale."""
        return self.scale_and_freedom(shared)[0]

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return `raw`."""
        return raw

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Add normal noise, divided by the root of a chi-squared mean."""
        scale, freedom = self.scale_and_freedom(shared)
        chi2 = 2 * torch._standard_gamma((freedom / 2).expand(raw.shape), generator=generator)
        return raw + scale * _normal(raw, generator) * (freedom / chi2).sqrt()


class Bernoulli(Likelihood):
    """0 or 1, with log-odds `raw`."""

    def refusal(self, x: Tensor) -> str | None:
        """Refuse data other than 0 and 1."""
        if bool(((x == 0) | (x == 1)).all()):
            return None
        other = "continuous_bernoulli" if _within_unit_interval(x) else "gaussian"
        return f"needs values of 0 and 1 only, but X has others. Use likelihood={other!r}"

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return ``x raw - log(1 + exp(raw))``."""
        return target * raw - softplus(raw)

    def differentiate(
        self, raw: Tensor, shared: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the log-probabilities, and the gradient of their sum by `raw`."""
        to_raw = target - raw.sigmoid()
        return self.log_prob(raw, shared, target), to_raw, torch.zeros_like(shared)

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return the probability of a 1."""
        return raw.sigmoid()

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw 0 or 1."""
        return (_uniform(raw, generator) < raw.sigmoid()).to(raw)


class DynamicBernoulli(Bernoulli):
    """0 or 1; rows that are encoded, or from which binary rows are drawn, are probabilities."""

    def refusal(self, x: Tensor) -> str | None:
        """Refuse data other than 0 and 1."""
        if super().refusal(x) is None:
            return None
        return (
            "has probabilities of 0 and 1 only, but X has other values. Draw binary rows first, "
            "with rng.random(X.shape) < X"
        )

    def input_refusal(self, x: Tensor) -> str | None:
        """Refuse values outside [0, 1]."""
        return None if _within_unit_interval(x) else _outside_unit_interval(x)


MAX_SLOPE = MIN_VARIANCE**-0.5
"""Largest slope of a log-density on [0, 1]; the variance is then `MIN_VARIANCE`."""


MEAN_SERIES = -691 / 1307674368000, 1 / 47900160, -1 / 1209600, 1 / 30240, -1 / 720, 1 / 12
"""The series of ``(mean - 1/2) / slope`` of a continuous Bernoulli distribution: coefficients of
powers of the slope's square, the constant last. Exact in double precision for slopes up to 1/2."""


class ContinuousBernoulli(Likelihood):
    """A density on [0, 1] proportional to ``exp(raw x)`` (Loaiza-Ganem and Cunningham 2019)."""

    def refusal(self, x: Tensor) -> str | None:
        """Refuse values outside [0, 1]."""
        return None if _within_unit_interval(x) else _outside_unit_interval(x)

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return ``x raw - log((exp(raw) - 1) / raw)``."""
        raw = self._bounded(raw)
        return target * raw - _log_normalizer(raw)

    def mean(self, raw: Tensor, shared: Tensor) -> Tensor:
        """Return ``1 / (1 - exp(-raw)) - 1 / raw``."""
        raw = self._bounded(raw)
        is_small = raw.abs() < 0.5
        safe = torch.where(is_small, 1.0, raw)  # no division by 0 in the branch that is not taken
        square, series = raw.square(), torch.zeros_like(raw)
        for coefficient in MEAN_SERIES:
            series = series * square + coefficient
        # 1 / (1 - exp(-raw)) is (1 + coth(raw / 2)) / 2
        far = 0.5 / torch.tanh(safe / 2) - 1 / safe
        return 0.5 + torch.where(is_small, series * raw, far)

    def sample(self, raw: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Invert the distribution function, from the side where it does not overflow."""
        raw = self._bounded(raw)
        uniform = _uniform(raw, generator)
        slope = raw.abs().clamp(min=1e-6)
        # log(1 + u (exp(slope) - 1)) / slope without the large exponential
        x = 1 + (uniform + (1 - uniform) * (-slope).exp()).log() / slope
        return torch.where(raw < 0, 1 - x, x).clamp(0, 1)

    @staticmethod
    def _bounded(raw: Tensor) -> Tensor:
        return raw.clamp(-MAX_SLOPE, MAX_SLOPE)


class Categorical(Likelihood):
    """One of some categories, coded 0, 1, ..., with log-odds `raw` along the last dimension.

    Parameters
    ----------
    n_categories : tuple of int
        Number of categories of every feature. For each feature, raw has as many entries as the
        largest of these numbers.
    """

    def __init__(self, n_categories: tuple[int, ...]) -> None:
        self.n_categories = n_categories

    def joined(self, other: "Categorical") -> "Categorical":
        """Return the likelihood of all categories that this one or the other has."""
        return Categorical(tuple(map(max, self.n_categories, other.n_categories)))

    def n_raw(self) -> int:
        """Return the largest number of categories, at least 2."""
        return max(2, *self.n_categories)

    def refusal(self, x: Tensor) -> str | None:
        """Refuse data other than codes of categories."""
        is_code = (x == x.round()) & (x >= 0) & (x < torch.tensor(self.n_categories))
        if bool(is_code.all()):
            return None
        row, feature = (~is_code).nonzero()[0].tolist()
        return (
            f"needs categories that are coded 0, 1, 2, ... and were seen in fit, where feature "
            f"{feature} had codes up to {self.n_categories[feature] - 1}. Got "
            f"{x[row, feature]:.6g} in row {row}. Encode X, for example with OrdinalEncoder"
        )

    def inputs(self, x: Tensor) -> Tensor:
        """Return indicators of the categories, shape (n, sum of n_categories)."""
        pairs = [(i, code) for i, n in enumerate(self.n_categories) for code in range(n)]
        features, codes = torch.tensor(pairs, device=x.device).T
        return (x[:, features] == codes).to(x)

    def log_prob(self, raw: Tensor, shared: Tensor, target: Tensor) -> Tensor:
        """Return the log-probability of the categories."""
        log_odds = self._log_probabilities(raw)  # (..., n_features, n_categories)
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

    def mixed_reconstruction(self, raw: Tensor, shared: Tensor, shares: Tensor) -> Tensor:
        """Return the category that is most probable in the mixture."""
        probabilities = self._log_probabilities(raw).exp()
        return torch.tensordot(shares, probabilities, 1).argmax(-1).to(raw)

    def _log_probabilities(self, raw: Tensor) -> Tensor:
        """Return log-probabilities; -inf for categories that a feature does not have."""
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
