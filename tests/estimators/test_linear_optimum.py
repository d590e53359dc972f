"""Theory: before training the autoencoder is PCA, and a linear one ends there."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error


def _there_and_back(pca, X):
    return pca.inverse_transform(pca.transform(X))


def _gapped(n_samples=400, seed=0):
    """Rows whose variances fall by half from each principal axis to the next."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    return rng.normal(size=(n_samples, 10)) * 2.0 ** -np.arange(10) @ rotation + 3


@pytest.mark.thinned(2)
@pytest.mark.parametrize("tied_weights", [False, True])
@pytest.mark.parametrize("hidden_layer_sizes", [(), 16, (32, 16), "auto"])
@pytest.mark.parametrize("n_components", [1, 2, 8])
def test_the_start_is_pca(table, n_components, hidden_layer_sizes, tied_weights):
    pca = PCA(n_components).fit(table)
    start = AutoencoderTransformer(
        n_components,
        hidden_layer_sizes=hidden_layer_sizes,
        tied_weights=tied_weights,
        max_iter=0,
        random_state=0,
    ).fit(table)
    assert_allclose(start.reconstruct(table), _there_and_back(pca, table), atol=1e-9)
    assert_allclose(start.score(table), pca.explained_variance_ratio_.sum(), rtol=1e-12)
    # codes: equal up to a scale and a sign for every component
    codes, scores = start.transform(table), pca.transform(table)
    assert r2_score(scores, LinearRegression().fit(codes, scores).predict(codes)) > 1 - 1e-12
    if not tied_weights:
        assert_allclose(codes.std(axis=0), 1, rtol=1e-9)
    assert start.n_iter_ == 0
    assert start.best_iter_ == 0


@pytest.mark.thinned(1)
@pytest.mark.parametrize("activation", ["silu", "relu", "gelu", "elu", "tanh", "leaky_relu"])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_the_start_is_pca_for_every_activation_and_location_loss(iris, activation, loss):
    start = AutoencoderTransformer(2, activation=activation, loss=loss, max_iter=0).fit(iris)
    assert_allclose(start.reconstruct(iris), _there_and_back(PCA(2).fit(iris), iris), atol=1e-9)


def test_the_start_in_fewer_rows_than_features():
    X = np.random.default_rng(0).normal(size=(30, 80))
    start = AutoencoderTransformer(5, max_iter=0).fit(X)
    assert_allclose(start.reconstruct(X), _there_and_back(PCA(5).fit(X), X), atol=1e-9)


def test_the_start_in_large_data_is_randomized_pca(monkeypatch):
    monkeypatch.setattr("skae.estimators._principal_axes.MAX_EXACT", 20)
    X = _gapped() @ np.eye(10, 60)
    start = AutoencoderTransformer(4, max_iter=0, random_state=0).fit(X)
    assert_allclose(start.score(X), PCA(4).fit(X).explained_variance_ratio_.sum(), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-9, 1.0])
def test_the_start_is_pca_where_little_is_left_over(scale):
    """Raw units: most of the variance in one feature, PCA's residual a trillionth of it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)) * np.array([1e3, 1.0, 1e-1, 1e-2, 1e-3, 1e-3]) * scale
    autoencoder = AutoencoderTransformer(3, max_iter=0).fit(X)
    ratio = reconstruction_error(autoencoder, X) / reconstruction_error(PCA(3).fit(X), X)
    assert abs(ratio - 1) < 1e-6


@pytest.mark.filterwarnings("ignore:n_components=15 is more:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("tied_weights", [False, True])
@pytest.mark.parametrize("n_components", [6, 9, 15])
def test_more_components_than_pca_can_give(n_components, tied_weights):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 9))
    start = AutoencoderTransformer(n_components, tied_weights=tied_weights, max_iter=0).fit(X)
    assert_allclose(start.reconstruct(X), X, atol=1e-6)
    if not tied_weights:
        assert (start.transform(X).std(axis=0) > 0.1).all()
    trained = AutoencoderTransformer(n_components, tied_weights=tied_weights, max_iter=3).fit(X)
    assert np.isfinite(trained.transform(X)).all()


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("tied_weights", [False, True])
def test_a_trained_linear_autoencoder_is_pca(init, tied_weights):
    """Baldi and Hornik (1989): the only minimum of a linear autoencoder is PCA."""
    X = _gapped()
    autoencoder = AutoencoderTransformer(
        3,
        hidden_layer_sizes=(),
        init=init,
        tied_weights=tied_weights,
        early_stopping=False,
        random_state=0,
    ).fit(X)
    pca = PCA(3).fit(X)
    assert 1 - 1e-9 < reconstruction_error(autoencoder, X) / reconstruction_error(pca, X) < 1 + 1e-5
    decoder = autoencoder.inverse_transform(np.eye(3)) - autoencoder.inverse_transform(
        np.zeros((1, 3))
    )
    assert subspace_angles(decoder.T, pca.components_.T).max() < 5e-3


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("shift", [0.0, 7.0])
def test_equivariance(iris, scale, shift):
    """fit(c X + b) gives the same codes and c x' + b."""
    parameters = {"max_iter": 10, "early_stopping": False, "random_state": 0}
    plain = AutoencoderTransformer(2, **parameters).fit(iris)
    moved = AutoencoderTransformer(2, **parameters).fit(scale * iris + shift * scale)
    assert plain.best_iter_ == moved.best_iter_ == 10
    assert_allclose(moved.transform(scale * iris + shift * scale), plain.transform(iris), atol=1e-4)
    assert_allclose(
        moved.reconstruct(scale * iris + shift * scale) / scale - shift,
        plain.reconstruct(iris),
        atol=1e-4,
    )


def test_training_lowers_the_error_on_new_rows(digits):
    train, test = digits[:1200], digits[1200:]
    pca = PCA(8).fit(train)
    autoencoder = AutoencoderTransformer(8, max_iter=30, random_state=0).fit(train)
    assert autoencoder.best_iter_ > 0
    assert reconstruction_error(autoencoder, test) < 0.8 * reconstruction_error(pca, test)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_samples", [20, 60])
def test_the_floor_on_few_rows_without_structure(n_samples, seed):
    """Few normal rows: whatever a network finds there is noise, and the start must be kept."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 12)) * np.linspace(2, 0.5, 12)
    autoencoder = AutoencoderTransformer(3, random_state=seed).fit(X)
    test = rng.normal(size=(1000, 12)) * np.linspace(2, 0.5, 12)
    ratio = reconstruction_error(autoencoder, test) / reconstruction_error(PCA(3).fit(X), test)
    assert ratio <= 1 + 1e-9


def test_one_held_out_row_proves_nothing(iris):
    autoencoder = AutoencoderTransformer(1, random_state=0).fit(iris[:8])
    assert autoencoder.best_iter_ == 0
    assert_allclose(
        autoencoder.reconstruct(iris), _there_and_back(PCA(1).fit(iris[:8]), iris), atol=1e-9
    )


def test_binary_crossentropy_starts_at_a_good_logistic_model(digits):
    X = digits / 16
    start = AutoencoderTransformer(8, loss="binary_crossentropy", max_iter=0).fit(X)
    assert start.score(X) > PCA(8).fit(X).explained_variance_ratio_.sum()
    reconstruction = start.reconstruct(X)
    assert reconstruction.min() >= 0
    assert reconstruction.max() <= 1
