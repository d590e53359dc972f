"""Every likelihood through the same tests: density, mean, draws, gradients, support."""

from decimal import Decimal, localcontext
from itertools import product

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Generator

from skae.objectives import (
    MIN_VARIANCE,
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    DynamicBernoulli,
    Gaussian,
    GaussianDiagonal,
    NegativeBinomial,
    Poisson,
    StudentT,
)

LIKELIHOODS = {
    "gaussian": Gaussian(),
    "gaussian, fixed": Gaussian(0.7),
    "gaussian_diagonal": GaussianDiagonal(),
    "student_t": StudentT(),
    "bernoulli": Bernoulli(),
    "dynamic bernoulli": DynamicBernoulli(),
    "continuous_bernoulli": ContinuousBernoulli(),
    "poisson": Poisson(),
    "negative_binomial": NegativeBinomial(),
    "categorical": Categorical((2, 4, 3)),
}
REAL = torch.linspace(-200, 200, 400_001, dtype=torch.float64)
UNIT = torch.linspace(0, 1, 100_001, dtype=torch.float64)
COUNTS = torch.arange(3000, dtype=torch.float64)
BITS = torch.tensor([0.0, 1.0], dtype=torch.float64)

SUPPORT = {
    "bernoulli": BITS,
    "dynamic bernoulli": BITS,
    "continuous_bernoulli": UNIT,
    "poisson": COUNTS,
    "negative_binomial": COUNTS,
    "categorical": torch.arange(4, dtype=torch.float64),
}
EDGES = {
    "bernoulli": [0.0, 1.0],
    "dynamic bernoulli": [0.0, 1.0],
    "continuous_bernoulli": [0.0, 1.0],
    "poisson": [0.0, 1e6],
    "negative_binomial": [0.0, 1e6],
    "categorical": [0.0, 1.0],
}


def _parameters(likelihood, n_features=3, spread=1.0):
    """Return raw and shared at random, float64."""
    generator = Generator().manual_seed(0)
    shape = (n_features,) if likelihood.n_raw() == 1 else (n_features, likelihood.n_raw())
    raw = spread * torch.randn(shape, generator=generator, dtype=torch.float64)
    shared = 0.5 * torch.randn(
        likelihood.n_shared(n_features), generator=generator, dtype=torch.float64
    )
    return raw, shared


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_densities_integrate_to_one(name):
    likelihood = LIKELIHOODS[name]
    values = SUPPORT.get(name, REAL)
    for spread, feature in product((1e-3, 1.0, 3.0), range(3)):
        raw, shared = _parameters(likelihood, spread=spread)
        x = values[:, None].repeat(1, 3)
        if name == "categorical":
            x = x[: likelihood.n_categories[feature]] * (torch.arange(3) == feature)
        density = likelihood.log_prob(raw, shared, x).exp()[:, feature]
        is_continuous = name not in SUPPORT or name == "continuous_bernoulli"
        step = float(values[1] - values[0])
        total = torch.trapezoid(density, dx=step) if is_continuous else density.sum()
        # of Student's t, 1e-6 lies beyond the grid
        assert float(total) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_draws_have_the_mean_and_lie_in_the_support(name):
    likelihood = LIKELIHOODS[name]
    raw, shared = _parameters(likelihood)
    drawn = likelihood.sample(raw.expand(40_000, *raw.shape), shared, Generator().manual_seed(0))
    assert drawn.shape == (40_000, 3)
    assert likelihood.refusal(drawn) is None
    error = drawn.std(0) / 200
    assert ((drawn.mean(0) - likelihood.mean(raw, shared)).abs() < 4 * error).all()


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("variance", [0.01, 4.0])
def test_the_spread_is_the_deviation_of_draws(name, variance):
    """If `raw` is an expected value; if it is a logarithm or log-odds, its unit is 1."""
    likelihood = LIKELIHOODS[name]
    raw, _ = _parameters(likelihood)
    shared = likelihood.shared_at(variance, 3)
    spread = likelihood.spread(shared)
    if not likelihood.equivariant:
        assert spread == 1
        return
    drawn = likelihood.sample(raw.expand(40_000, *raw.shape), shared, Generator().manual_seed(3))
    # a tail of ten degrees of freedom is not in the scale
    deviation = drawn.std(0) * (0.8**0.5 if name == "student_t" else 1)
    torch.testing.assert_close(spread.expand(3), deviation, rtol=0.02, atol=0)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_draws_have_the_density(name):
    """The mean log-density of draws is the negative entropy, by integration."""
    likelihood = LIKELIHOODS[name]
    if name == "categorical":
        likelihood = Categorical((4, 4, 4))
    raw, shared = _parameters(likelihood)
    drawn = likelihood.sample(raw.expand(40_000, *raw.shape), shared, Generator().manual_seed(1))
    values = SUPPORT.get(name, REAL)[:, None].expand(-1, 3)
    log_density = likelihood.log_prob(raw, shared, values)
    weights = log_density.exp()
    negative_entropy = (weights * log_density).sum(0) / weights.sum(0)
    found = likelihood.log_prob(raw, shared, drawn)
    assert ((found.mean(0) - negative_entropy).abs() < 4 * found.std(0) / 200).all()


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_at_the_edges(name, dtype):
    likelihood = LIKELIHOODS[name]
    for size, sign in product([0.0, 1e-8, 1e-4, 0.0099, 0.0101, 5.0, 50.0], (-1, 1)):
        raw, shared = (p.to(dtype) for p in _parameters(likelihood))
        raw = (torch.ones_like(raw) * sign * min(size, 20.0 if "oi" in name else size)).to(dtype)
        raw.requires_grad_(True)
        shared.requires_grad_(True)
        for edge in EDGES.get(name, [-1e3, 0.0, 1e3]):
            target = torch.full((3,), edge, dtype=dtype)
            value = likelihood.log_prob(raw, shared, target).sum()
            parameters = [p for p in (raw, shared) if p.numel()]
            gradients = torch.autograd.grad(value, parameters, allow_unused=True)
            assert torch.isfinite(value)
            assert all(torch.isfinite(g).all() for g in gradients if g is not None)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_gradients_are_those_of_finite_differences(name):
    likelihood = LIKELIHOODS[name]
    raw, shared = _parameters(likelihood)
    target = likelihood.sample(raw, shared, Generator().manual_seed(2))
    assert torch.autograd.gradcheck(
        lambda *p: likelihood.log_prob(*p, target),
        (raw.requires_grad_(True), shared.requires_grad_(True)),
    )


def test_values_are_scipys():
    raw = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    log_size = torch.tensor([0.1, 1.0, -0.5], dtype=torch.float64)
    counts = torch.tensor([0.0, 3.0, 11.0], dtype=torch.float64)
    mean, size = raw.exp().numpy(), log_size.exp().numpy()
    normal = Gaussian()
    s = float(normal.variance(log_size[:1]).sqrt())
    scale, freedom = StudentT().scale_and_freedom(log_size)
    expected = {
        normal: (log_size[:1], scipy.stats.norm.logpdf(counts, raw, s)),
        StudentT(): (
            log_size[:2],
            scipy.stats.t.logpdf(counts, float(freedom), raw, float(scale)),
        ),
        Poisson(): (log_size[:0], scipy.stats.poisson.logpmf(counts, mean)),
        NegativeBinomial(): (
            log_size,
            scipy.stats.nbinom.logpmf(counts, size, size / (size + mean)),
        ),
    }
    for likelihood, (shared, values) in expected.items():
        np.testing.assert_allclose(likelihood.log_prob(raw, shared, counts), values, rtol=1e-10)


def test_noise_of_a_given_variance():
    for likelihood in (Gaussian(), GaussianDiagonal(), StudentT()):
        for variance in (0.3, 7.0):
            shared = likelihood.shared_at(variance, 3)
            torch.testing.assert_close(
                likelihood.variance(shared),
                torch.full_like(likelihood.variance(shared), variance),
            )
        assert likelihood.variance(likelihood.shared_at(0.0, 3)).min() >= MIN_VARIANCE


REFUSALS = [
    ("bernoulli", 0.3, "continuous_bernoulli"),
    ("bernoulli", 3.0, "gaussian"),
    ("continuous_bernoulli", 1.1, "gaussian"),
    ("poisson", -1.0, "gaussian"),
    ("poisson", 0.5, "whole numbers"),
    ("negative_binomial", -1.0, "gaussian"),
    ("categorical", 5.0, "OrdinalEncoder"),
    ("categorical", 0.5, "OrdinalEncoder"),
    ("categorical", -1.0, "OrdinalEncoder"),
]


@pytest.mark.parametrize(("name", "value", "advice"), REFUSALS)
def test_data_outside_the_support(name, value, advice):
    x = torch.ones(4, 3)
    assert LIKELIHOODS[name].refusal(x) is None
    x[2, 1] = value
    assert advice in LIKELIHOODS[name].refusal(x)


def test_probabilities_may_be_encoded_but_not_scored():
    grey = torch.full((2, 3), 0.4)
    assert DynamicBernoulli().input_refusal(grey) is None
    assert DynamicBernoulli().input_refusal(grey + 1) is not None
    assert DynamicBernoulli().refusal(grey) is not None


def test_what_encoders_see_of_categories_is_which_they_are():
    x = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0]])
    indicators = [[0, 1, 1, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1, 0, 1, 0]]
    assert Categorical((2, 4, 3)).inputs(x).tolist() == indicators


def test_large_counts_in_single_precision_stay_apart():
    counts = torch.tensor([[1e6, 1e6 + 1]])
    seen = Poisson().inputs(counts)
    torch.testing.assert_close(seen, counts.double().log1p(), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-13), (torch.float32, 1e-6)])
def test_means_of_a_continuous_bernoulli_keep_the_digits(dtype, rtol):
    # its series ends at a half
    raw = torch.tensor(
        [1e-9, 1e-3, 0.02, 0.1, 0.4999, 0.5, 0.5001, 0.7, 2.0, 20.0, 999.0], dtype=dtype
    )
    exact = [float(_mean_of_continuous_bernoulli(float(value))) for value in raw]
    for sign in 1, -1:
        wanted = torch.tensor([value if sign > 0 else 1 - value for value in exact], dtype=dtype)
        mean = ContinuousBernoulli().mean(sign * raw, torch.empty(0))
        torch.testing.assert_close(mean, wanted, rtol=rtol, atol=0)


def _mean_of_continuous_bernoulli(raw):
    """Return ``1 / (1 - exp(-raw)) - 1 / raw`` with fifty digits."""
    with localcontext(prec=50):
        raw = Decimal(raw)
        return 1 / (1 - (-raw).exp()) - 1 / raw


def test_the_reconstruction_of_a_category_is_the_most_probable_one():
    likelihood = Categorical((2, 4))
    raw = torch.tensor([[0.0, 1.0, 9.0, 9.0], [0.0, 1.0, 5.0, 2.0]])
    assert likelihood.reconstruction(raw, torch.empty(0)).tolist() == [1.0, 2.0]


@pytest.mark.thinned(1)
@pytest.mark.parametrize("shared", [-5.0, 0.0, 5.0, 10.0, 15.0, 25.0])
@pytest.mark.parametrize("name", ["student_t", "negative_binomial", "poisson"])
def test_float32_keeps_the_digits(name, shared):
    """Also where the noise is nearly normal or Poisson's, and counts are large."""
    likelihood = LIKELIHOODS[name]
    for size in (0.0, 1.0, 30.0, 1e3, 1e5):
        target = torch.tensor([size], dtype=torch.float64)
        raw = (target + 1).log() + 0.1 if name != "student_t" else target / 1e5 + 0.1
        double = likelihood.log_prob(raw, torch.full((2,), shared, dtype=torch.float64)[:2], target)
        single = likelihood.log_prob(raw.float(), torch.full((2,), shared), target.float())
        # rounding raw itself moves the value by the deviance's slope times its last digit
        error = 1e-4 + 2e-7 * float(double.abs().max() + raw.abs().max() * 0.1 * size)
        assert float((single - double).abs().max()) < error


@pytest.mark.parametrize("size", [0.3, 5.0, 40.0, 1e4])
def test_negative_binomial_is_scipy_s(size):
    counts = torch.tensor([0.0, 1.0, 7.0, 300.0], dtype=torch.float64)
    mean = torch.tensor([0.5, 3.0, 10.0, 250.0], dtype=torch.float64)
    found = NegativeBinomial().log_prob(mean.log(), torch.tensor(size).double().log(), counts)
    expected = scipy.stats.nbinom.logpmf(counts, size, size / (size + mean.numpy()))
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("freedom", [2.5, 7.0, 30.0, 1e4])
def test_student_t_is_scipy_s(freedom):
    x = torch.tensor([-30.0, 0.0, 0.5, 4.0], dtype=torch.float64)
    shared = torch.tensor([np.log(1 - MIN_VARIANCE), np.log(freedom - 2)], dtype=torch.float64)
    found = StudentT().log_prob(torch.zeros(4, dtype=torch.float64), shared, x)
    np.testing.assert_allclose(found, scipy.stats.t.logpdf(x, freedom), rtol=1e-8)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_noise_has_the_variance_that_is_stated(name):
    likelihood = LIKELIHOODS[name]
    raw, _ = _parameters(likelihood)
    shared = likelihood.shared_at(0.7, 3)
    variance = likelihood.variance(shared)
    assert (variance is not None) == likelihood.equivariant
    if variance is None:
        assert likelihood.min_variance == 0
        return
    torch.testing.assert_close(variance.expand(3), torch.full((3,), 0.7, dtype=torch.float64))
    drawn = likelihood.sample(raw.expand(100_000, 3), shared, Generator().manual_seed(0))
    # five standard errors; the kurtosis of Student's t with ten degrees of freedom is 4
    torch.testing.assert_close(
        drawn.var(0), variance.expand(3), rtol=5 * (3 / 100_000) ** 0.5, atol=0
    )


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_variances_have_a_floor(name):
    likelihood = LIKELIHOODS[name]
    shared = likelihood.shared_at(0.0, 3)
    variance = likelihood.variance(shared)
    if variance is not None and name != "gaussian, fixed":
        floor = likelihood.min_variance
        assert floor == MIN_VARIANCE
        # for Student's t the floor is that of the squared scale, 0.8 times the variance
        assert ((floor <= variance) & (variance < 1.3 * floor)).all()
