"""Ordered codes: one fit holds the fits of all smaller widths."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from torch.nn.functional import binary_cross_entropy_with_logits

from skae import AutoencoderTransformer, ConvAutoencoder
from skae.engine._step import NetworkStep
from skae.estimators._ordered import OrderedStart, compute_weights
from skae.metrics import reconstruction_error

SMALL = {"max_iter": 5, "random_state": 0}
VARIANTS = [
    AutoencoderTransformer(6, ordered=True, **SMALL),
    AutoencoderTransformer(6, ordered=True, hidden_layer_sizes=(), **SMALL),
    AutoencoderTransformer(6, ordered=True, loss="huber", corruption="gaussian", **SMALL),
    ConvAutoencoder(6, ordered=True, image_shape=(1, 8, 8), hidden_channels=(4,), **SMALL),
]
over_variants = pytest.mark.parametrize("estimator", VARIANTS, ids=repr)


@pytest.fixture(scope="module")
def trained(digits):
    """Trained on the first 1,200 digits."""
    return AutoencoderTransformer(16, ordered=True, random_state=0).fit(digits[:1200])


@pytest.mark.parametrize("init", ["start", "kept"])
def test_the_start_is_pca_at_every_width(table, init):
    """Of all rows, if it is kept; nothing is lost by the order."""
    X = table
    max_iter = 0 if init == "start" else 1
    estimator = AutoencoderTransformer(
        8, ordered=True, max_iter=max_iter, learning_rate_init=1e-9, random_state=0
    ).fit(X)
    assert estimator.best_iter_ == 0
    pca = PCA(8, svd_solver="full").fit(X)
    assert_allclose(estimator.explained_variance_ratio_, pca.explained_variance_ratio_, rtol=1e-9)
    for k in (1, 3, 8):
        expected = PCA(k, svd_solver="full").fit(X)
        expected = expected.inverse_transform(expected.transform(X))
        assert_allclose(estimator.truncate(k).reconstruct(X), expected, atol=1e-9)


def test_every_width_is_better_than_pca(trained, digits):
    held_out = digits[1200:]
    for k in (1, 2, 4, 8, 16):
        pca = PCA(k, svd_solver="full").fit(digits[:1200])
        ratio = reconstruction_error(trained.truncate(k), held_out) / reconstruction_error(
            pca, held_out
        )
        assert ratio < 0.97


def test_explained_variance(trained, digits):
    X = digits[:1200]
    ratio = trained.explained_variance_ratio_
    assert ratio.shape == (16,)
    # scores leave out pixels that are constant, whose error is next to nothing
    assert_allclose(ratio.sum(), trained.score(X), rtol=1e-8)
    assert_allclose(ratio[:3].sum(), trained.truncate(3).score(X), rtol=1e-8)
    assert (ratio > 0).all()


def test_explained_variance_of_single_precision(trained, digits):
    X = digits[:1200].astype(np.float32)
    fitted = AutoencoderTransformer(4, ordered=True, **SMALL).fit(X)
    assert fitted.explained_variance_ratio_.dtype == np.float64
    assert_allclose(fitted.explained_variance_ratio_.sum(), fitted.score(X), rtol=1e-5)


@over_variants
def test_truncation(digits, estimator):
    X = digits[:200]
    whole = clone(estimator).fit(X)
    codes = whole.transform(X)
    small = whole.truncate(4)
    # products of other shapes round otherwise
    assert_allclose(small.transform(X), codes[:, :4], rtol=1e-10, atol=1e-10)
    assert small.get_params() == {**whole.get_params(), "n_components": 4}
    assert small.n_components_ == 4
    assert list(small.get_feature_names_out()) == list(whole.get_feature_names_out()[:4])
    assert_array_equal(small.explained_variance_ratio_, whole.explained_variance_ratio_[:4])
    assert_allclose(small.explained_variance_ratio_.sum(), small.score(X), rtol=1e-9)
    assert small.sample(5, random_state=0).shape == (5, 64)
    assert_allclose(small.inverse_transform(codes[:, :4]), small.reconstruct(X), atol=1e-8)
    # twice is once, all is nothing, and the whole stays as it was
    assert_allclose(
        small.truncate(2).reconstruct(X), whole.truncate(2).reconstruct(X), rtol=1e-9, atol=1e-9
    )
    assert_allclose(whole.truncate(6).reconstruct(X), whole.reconstruct(X), rtol=1e-9, atol=1e-9)
    assert whole.transform(X).shape == (200, 6)
    assert whole.n_components == 6


@over_variants
def test_truncated_estimators_are_estimators(digits, estimator):
    X = digits[:200]
    small = clone(estimator).fit(X).truncate(3)
    again = pickle.loads(pickle.dumps(small))
    assert_array_equal(again.transform(X), small.transform(X))
    assert_array_equal(again.truncate(2).reconstruct(X), small.truncate(2).reconstruct(X))
    assert clone(small).fit(X).transform(X).shape == (200, 3)
    assert small.encoder_(small._network.module.weights.new_tensor(X).float()).shape == (200, 3)


@over_variants
def test_warm_start(digits, estimator):
    X = digits[:200]
    first = clone(estimator).fit(X)
    second = clone(estimator).set_params(warm_start=first, max_iter=0).fit(X)
    assert_allclose(second.transform(X), first.transform(X))
    assert_allclose(second.truncate(2).reconstruct(X), first.truncate(2).reconstruct(X))


def test_a_share_of_the_variance(digits):
    estimator = AutoencoderTransformer(0.8, ordered=True, random_state=0).fit(digits)
    cumulated = estimator.explained_variance_ratio_.cumsum()
    assert cumulated[-1] > 0.8
    assert cumulated[-2] <= 0.8
    assert estimator.score(digits) == pytest.approx(cumulated[-1])
    assert estimator.transform(digits).shape == (1797, estimator.n_components_)
    assert estimator.n_components_ < PCA(0.8).fit(digits).n_components_


@pytest.mark.parametrize("share", [1e-9, 0.5, 0.9, 1 - 1e-12])
def test_a_share_at_the_start_is_pcas(digits, share):
    estimator = AutoencoderTransformer(share, ordered=True, max_iter=0).fit(digits)
    assert estimator.n_components_ == PCA(share, svd_solver="full").fit(digits).n_components_


def _start(estimator, X, monkeypatch):
    """Fit with no epochs; return the network at the start and its baseline."""
    seen = []
    set_start = OrderedStart.__call__

    def note(self, module, *arguments):
        baseline = set_start(self, module, *arguments)
        seen.append((deepcopy(module), deepcopy(baseline)))
        return baseline

    monkeypatch.setattr(OrderedStart, "__call__", note)
    estimator.set_params(max_iter=0, random_state=0).fit(X)
    return seen[0]


def test_weights_are_of_pcas_errors(digits, monkeypatch):
    X = digits[:300]
    estimator = AutoencoderTransformer(5, ordered=True)
    module, baseline = _start(estimator, X, monkeypatch)
    weights = module.weights.numpy()
    assert_array_equal(baseline.weights.numpy(), weights)
    train = X[np.random.RandomState(0).permutation(300)[30:]]
    errors = [reconstruction_error(PCA(k).fit(train), train) for k in range(1, 6)]
    errors = np.array(errors) / (64 * estimator._units.scale**2)
    assert_allclose(weights / weights[0], (errors / errors[0]) ** -0.75, rtol=1e-6)
    assert_allclose((weights * errors).mean(), 1, rtol=1e-6)


def test_weights_of_a_cross_entropy(digits, monkeypatch):
    X = digits[:300] / 16
    estimator = AutoencoderTransformer(4, ordered=True, loss="binary_crossentropy")
    module, baseline = _start(estimator, X, monkeypatch)
    assert_array_equal(baseline.weights.numpy(), module.weights.numpy())
    train = torch.from_numpy(X[np.random.RandomState(0).permutation(300)[30:]])
    location, scale = estimator._units
    losses = []
    with torch.no_grad():
        code = module.encoder((train - torch.from_numpy(location)) / scale)
        for k in range(1, 5):
            raw = module.decoder(code, torch.full((270, 1), k))
            losses.append(float(binary_cross_entropy_with_logits(raw, train)))
    expected = np.array(losses) ** -0.75
    assert_allclose(module.weights, expected / (expected * losses).mean(), rtol=1e-9)
    reconstructed = estimator.truncate(2).reconstruct(X)
    assert reconstructed.min() >= 0
    assert reconstructed.max() <= 1


def test_where_nothing_is_left_over_weights_are_bounded():
    losses = torch.tensor([1.0, 0.1, 1e-9, 0.0], dtype=torch.float64)
    weights = compute_weights(losses)
    assert_allclose(weights / weights[0], [1, 1e-3**-0.75, 1e-3**-0.75])
    assert torch.isfinite(compute_weights(torch.zeros(3))).all()


def test_corrupted_batches_have_lengths(digits, monkeypatch):
    batches = []
    note = lambda step, batch: batches.append(batch) or evaluate(step, batch)  # noqa: E731
    evaluate = NetworkStep.evaluate
    monkeypatch.setattr(NetworkStep, "evaluate", note)
    estimator = AutoencoderTransformer(5, ordered=True, corruption="masking", corruption_level=1.0)
    estimator.set_params(max_iter=0, random_state=0).fit(digits[:200])
    assert len(batches) > 3
    for (x, lengths), target, _ in batches:
        assert (x == x[0]).all()
        assert (target != target[0]).any()
        assert lengths.shape[0] == len(x)


@pytest.mark.parametrize(
    "parameters", [{"solver": "lbfgs"}, {"early_stopping": False}, {"n_components": 80}], ids=str
)
def test_other_trainings(digits, parameters):
    X = digits[:200]
    estimator = AutoencoderTransformer(4, ordered=True, max_iter=3, random_state=0)
    fitted = estimator.set_params(**parameters).fit(X)
    assert fitted.score(X) >= PCA(4).fit(X).explained_variance_ratio_.sum() - 1e-6
    decoded = fitted.decoder_(torch.from_numpy(fitted.transform(X)).float())
    assert_allclose(decoded.detach(), fitted.reconstruct(X), atol=1e-3)


def test_a_share_of_images(digits):
    fitted = ConvAutoencoder(0.5, ordered=True, max_iter=0).fit(digits[:200].reshape(-1, 8, 8))
    assert fitted.n_components_ == PCA(0.5).fit(digits[:200]).n_components_


@pytest.mark.parametrize("X", [np.ones((30, 4)), np.eye(4)[:2]], ids=["constant", "two rows"])
def test_a_share_of_nothing(X):
    for estimator in (AutoencoderTransformer(0.9), ConvAutoencoder(0.9, image_shape=(1, 2, 2))):
        fitted = estimator.set_params(ordered=True, max_iter=1).fit(X)
        assert fitted.n_components_ == 1
        assert np.isfinite(fitted.reconstruct(X)).all()


def test_shares_just_above_what_components_explain(iris):
    cumulated = PCA(3).fit(iris).explained_variance_ratio_.cumsum()
    for k, share in enumerate(cumulated, start=1):
        for shift, expected in ((-1e-4, k), (1e-4, k + 1)):
            fitted = AutoencoderTransformer(share + shift, ordered=True, max_iter=0).fit(iris)
            assert fitted.n_components_ == expected


def test_a_share_that_is_missed(digits):
    estimator = AutoencoderTransformer(
        0.95, ordered=True, corruption="masking", corruption_level=0.6, max_iter=0
    )
    with pytest.warns(UserWarning, match=r"explain 0\.\d+ of the variance. All are kept."):
        fitted = estimator.fit(digits[:300])
    assert fitted.score(digits[:300]) < 0.95


def test_a_share_and_a_warm_start(iris):
    estimator = AutoencoderTransformer(0.9, ordered=True, warm_start=True)
    with pytest.raises(ValueError, match="Give their number"):
        estimator.fit(iris)


def test_what_is_fitted_decides(iris):
    fitted = AutoencoderTransformer(2, ordered=True, max_iter=1).fit(iris)
    assert fitted.set_params(ordered=False).truncate(1).n_components_ == 1
    plain = fitted.fit(iris)
    assert not hasattr(plain, "explained_variance_ratio_")
    assert not hasattr(plain.set_params(ordered=True), "truncate")
    assert hasattr(AutoencoderTransformer(ordered=True), "truncate")


def test_a_truncated_estimator_shares_nothing(iris):
    whole = AutoencoderTransformer(2, ordered=True, max_iter=1).set_output(transform="default")
    small = whole.fit(iris).truncate(1)
    small.set_output(transform="pandas")
    small.loss_curve_.clear()
    assert isinstance(whole.transform(iris), np.ndarray)
    assert len(whole.loss_curve_) == 2


def test_what_cannot_be_ordered(iris):
    for parameters, message in (
        ({"tied_weights": True}, "weights of its own"),
        ({"init": "random"}, "ordered=True needs init='pca'. Got 'random'"),
    ):
        with pytest.raises(ValueError, match=message):
            AutoencoderTransformer(2, ordered=True, **parameters).fit(iris)
    with pytest.raises(ValueError, match="is a share of the variance, which needs"):
        AutoencoderTransformer(0.5).fit(iris)


def test_what_cannot_be_truncated(iris):
    plain = AutoencoderTransformer(2, max_iter=1).fit(iris)
    assert not hasattr(plain, "truncate")
    assert not hasattr(plain, "explained_variance_ratio_")
    with pytest.raises(AttributeError, match="truncate") as caught:
        plain.truncate(1)
    assert "Fit it with ordered=True" in str(caught.value.__cause__)
    fitted = AutoencoderTransformer(2, ordered=True, max_iter=1).fit(iris)
    with pytest.raises(ValueError, match="n_components=3 must be at most 2"):
        fitted.truncate(3)
    for bad in (0, -1, 1.0, None, "1", True):
        with pytest.raises(ValueError, match="n_components must be an int of at least 1"):
            fitted.truncate(bad)
