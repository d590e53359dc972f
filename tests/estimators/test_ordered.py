"""Ordered codes: one fit holds the fits of all smaller widths."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, ConvAutoencoder
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


def test_a_cross_entropy_has_its_own_weights(digits):
    X = digits[:300] / 16
    estimator = AutoencoderTransformer(
        5, ordered=True, loss="binary_crossentropy", max_iter=10, random_state=0
    ).fit(X)
    reconstructed = estimator.truncate(2).reconstruct(X)
    assert reconstructed.min() >= 0
    assert reconstructed.max() <= 1
    assert estimator.validation_curve_[-1] < estimator.validation_curve_[0]


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
    for bad in (0, -1, 1.0, None, "1"):
        with pytest.raises(ValueError, match="n_components must be an int of at least 1"):
            fitted.truncate(bad)
