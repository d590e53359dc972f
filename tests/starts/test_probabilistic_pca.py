"""Theory: the variational autoencoder against probabilistic PCA's closed form."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import FactorAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skae import VAETransformer


def _load(name):
    if name == "digits":
        X = load_digits().data
        return X + np.random.default_rng(0).uniform(-0.5, 0.5, X.shape)
    load = {"wine": load_wine, "breast_cancer": load_breast_cancer}[name]
    return StandardScaler().fit_transform(load().data)


def _eigenvalues(X):
    return np.linalg.eigvalsh(np.cov(X.T, bias=True))[::-1]


def _exact_score(X, k):
    """Tipping and Bishop (1999): the largest log-likelihood of probabilistic PCA, per row."""
    variances = _eigenvalues(X)
    d, noise = len(variances), variances[k:].mean()
    log_det = np.log(variances[:k]).sum() + (d - k) * np.log(noise)
    return -(d * np.log(2 * np.pi) + log_det + d) / 2


def _covariance(X, k):
    variances, axes = np.linalg.eigh(np.cov(X.T, bias=True))
    variances[:-k] = variances[:-k].mean()
    return axes * variances @ axes.T


@pytest.fixture(params=["wine", "breast_cancer", "digits"])
def data(request):
    return _load(request.param)


@pytest.mark.parametrize("k", [1, 2, 8])
def test_the_start_is_probabilistic_pca(data, k):
    model = VAETransformer(k, max_iter=0, random_state=0).fit(data)
    scores = model.score_samples(data)
    assert scores.mean() == pytest.approx(_exact_score(data, k), abs=1e-6)
    exact = multivariate_normal(data.mean(axis=0), _covariance(data, k)).logpdf(data)
    np.testing.assert_allclose(scores, exact, atol=1e-5)
    assert model.noise_variance_ == pytest.approx(_eigenvalues(data)[k:].mean(), rel=1e-6)
    # the aggregate posterior is the prior
    mean, std = model.posterior(data)
    np.testing.assert_allclose(mean.var(axis=0) + np.square(std[0]), 1, rtol=1e-9)
    expected = 0.5 * np.log(_eigenvalues(data)[:k] / model.noise_variance_)
    np.testing.assert_allclose(model.kl_per_component_, expected, rtol=1e-9)


@pytest.mark.parametrize("k", [1, 3])
def test_with_a_noise_for_each_feature_it_is_factor_analysis(k):
    X = _load("wine")
    model = VAETransformer(k, likelihood="gaussian_diagonal", max_iter=0, random_state=0).fit(X)
    factors = FactorAnalysis(k, tol=1e-10, max_iter=20_000, random_state=0).fit(X)
    assert model.score(X) == pytest.approx(factors.score(X), abs=2e-3)
    np.testing.assert_allclose(model.noise_variance_, factors.noise_variance_, atol=0.1)


@pytest.mark.parametrize("name", ["wine", pytest.param("breast_cancer", marks=pytest.mark.full)])
def test_a_linear_model_finds_it_from_random_weights(name):
    X = _load(name)
    model = VAETransformer(
        2, hidden_layer_sizes=(), init="random", early_stopping=False, max_iter=20, random_state=0
    ).fit(X)
    assert model.score(X) == pytest.approx(_exact_score(X, 2), abs=1e-3)


def test_training_a_linear_model_does_not_leave_it():
    X = _load("wine")
    model = VAETransformer(
        2, hidden_layer_sizes=(), early_stopping=False, max_iter=20, random_state=0
    ).fit(X)
    assert model.score(X) == pytest.approx(_exact_score(X, 2), abs=1e-6)


def test_a_diagonal_noise_is_at_least_as_likely():
    X = _load("wine")
    model = VAETransformer(
        2,
        likelihood="gaussian_diagonal",
        hidden_layer_sizes=(),
        early_stopping=False,
        max_iter=20,
        random_state=0,
    ).fit(X)
    assert model.score(X) > _exact_score(X, 2) + 0.1


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 7.0, 1e6])
@pytest.mark.parametrize("max_iter", [0, 5])
def test_rescaling_shifts_the_likelihood_and_keeps_the_codes(scale, max_iter):
    X = _load("wine")
    models = [
        VAETransformer(3, max_iter=max_iter, random_state=0).fit(x) for x in (X, scale * X + scale)
    ]
    scores = [model.score(x) for model, x in zip(models, (X, scale * X + scale), strict=True)]
    assert scores[1] - scores[0] == pytest.approx(-13 * np.log(scale), abs=1e-2)
    np.testing.assert_allclose(
        models[0].transform(X), models[1].transform(scale * X + scale), atol=1e-4
    )


def _noise_between(variances, n_above):
    return float(np.sqrt(variances[n_above - 1] * variances[n_above]))


@pytest.mark.filterwarnings("ignore:Only:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("name", "init"),
    [
        ("wine", "pca"),
        ("breast_cancer", "pca"),
        ("digits", "pca"),
        ("wine", "random"),
        pytest.param("breast_cancer", "random", marks=pytest.mark.full),
        pytest.param("digits", "random", marks=pytest.mark.full),
    ],
)
@pytest.mark.parametrize("n_above", [1, 3])
def test_components_below_the_noise_collapse(name, init, n_above):
    """With a fixed noise, component i is used if and only if its variance exceeds the noise's."""
    data = _load(name)[-600:]
    variances = _eigenvalues(data)
    noise = _noise_between(variances, n_above)
    assert variances[n_above] < 0.95 * variances[n_above - 1]
    model = VAETransformer(
        6,
        noise_variance=noise,
        init=init,
        hidden_layer_sizes=(),
        early_stopping=False,
        max_iter=0 if init == "pca" else 15,
        random_state=0,
    ).fit(data)
    assert model.noise_variance_ == pytest.approx(noise)
    assert (model.kl_per_component_ > 1e-3).sum() == n_above
    assert model.active_units_ == n_above


def test_a_linear_model_is_scored_exactly():
    """After training, when the posterior is not exact: 5000 codes, every row."""
    X = _load("wine")
    model = VAETransformer(
        2, hidden_layer_sizes=(), solver="adam", max_iter=30, early_stopping=False, random_state=0
    ).fit(X)
    network = model._network.module
    weight = (
        network.decoder.network.weight
        + network.decoder.network.scale[:, None] * network.decoder.network.network.layers[0].weight
    ).numpy()
    mean = network.decoder(torch.zeros(1, 2, dtype=torch.float64)).numpy()[0]
    scale = model._units.scale
    covariance = scale**2 * weight @ weight.T + model.noise_variance_ * np.eye(13)
    exact = multivariate_normal(scale * mean + model.mean_, covariance).logpdf(X)
    found = model.score_samples(X, n_importance_samples=5000)
    np.testing.assert_allclose(found, exact, atol=0.05)


@pytest.fixture(scope="module")
def bent():
    """A model of a bent surface, with two latents."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(600, 2))
    X = np.column_stack([z[:, 0], z[:, 1], z[:, 0] ** 2, np.sin(2 * z[:, 1])])
    X += rng.normal(scale=0.3, size=X.shape)
    model = VAETransformer(
        2, hidden_layer_sizes=(32,), learning_rate_init=5e-3, max_iter=100, random_state=0
    ).fit(X)
    assert model.best_iter_ > 0
    assert model.score(X) > VAETransformer(2, max_iter=0).fit(X).score(X) + 0.05
    return model, X


def test_a_nonlinear_model_meets_quadrature(bent):
    model, X = bent[0], bent[1][:20]
    axis = np.linspace(-6, 6, 601)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    decoded, noise = model.inverse_transform(grid), model.noise_variance_
    log_prior = multivariate_normal(np.zeros(2)).logpdf(grid) + 2 * np.log(axis[1] - axis[0])
    exact = [
        logsumexp(
            log_prior
            - np.square(x - decoded).sum(axis=1) / (2 * noise)
            - 2 * np.log(2 * np.pi * noise)
        )
        for x in X
    ]
    found = model.score_samples(X, n_importance_samples=20_000)
    np.testing.assert_allclose(found, exact, atol=0.05)


def test_the_bound_rises_with_the_number_of_codes(bent):
    model, X = bent
    scores = [model.score_samples(X, n_importance_samples=n).mean() for n in (1, 10, 1000)]
    assert scores == sorted(scores)


def test_noise_at_its_floor_is_told():
    X = np.random.default_rng(0).normal(size=(50, 3))
    with pytest.warns(ConvergenceWarning, match="variance of the noise is at its floor"):
        model = VAETransformer(3, max_iter=0).fit(X)
    assert np.isfinite(model.score(X))


def test_collapse_is_told():
    X = _load("wine")
    with pytest.warns(ConvergenceWarning, match=r"Only 0 of 2 components .* Lower n_components"):
        VAETransformer(2, noise_variance=10.0, max_iter=0).fit(X)
