"""The logistic regression of pixels."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from skae.starts import _logistic_filter
from skae.starts._logistic_filter import fit_logistic
from skae.starts._windows import find_patches


def _make(n_classes, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(6, 2, 9, 8))
    smooth = functional.avg_pool2d(torch.from_numpy(X), 3, 1, 1).numpy()
    return X, np.digitize(smooth.sum(1, keepdims=True), np.linspace(-0.3, 0.3, n_classes - 1))


def _apply(found, X):
    """Return the probabilities of pixels as rows."""
    patches = find_patches(X, found.kernel.shape[-1])
    return softmax(patches @ found.kernel.reshape(len(found.bias), -1).T + found.bias, axis=1)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("size", [1, 3])
def test_it_is_scikit_learns(n_classes, size):
    X, places = _make(n_classes)
    found = fit_logistic(X.__getitem__, places, np.ones(n_classes), size, np.random.RandomState(0))
    patches = find_patches(X, size)
    model = LogisticRegression(tol=1e-8, max_iter=1000).fit(patches, places.ravel())
    assert_allclose(_apply(found, X), model.predict_proba(patches), atol=1e-4)
    assert (found.residual == 1).all()


def test_weights_of_classes():
    X, places = _make(3)
    weight = np.array([0.2, 1.0, 5.0])
    found = fit_logistic(X.__getitem__, places, weight, 3, np.random.RandomState(0))
    patches, y = find_patches(X, 3), places.ravel()
    weights = weight[y] / weight[y].mean()
    model = LogisticRegression(tol=1e-8, max_iter=1000).fit(patches, y, sample_weight=weights)
    assert_allclose(_apply(found, X), model.predict_proba(patches), atol=1e-4)


def test_drawn_pixels_stand_for_all(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4, 1, 60, 60))
    rare = (X + rng.normal(size=X.shape) > 2.5).astype(int)
    assert rare.mean() < 0.06
    whole = fit_logistic(X.__getitem__, rare, np.ones(2), 1, np.random.RandomState(0))
    monkeypatch.setattr(_logistic_filter, "PIXELS_AT_ONCE", 1)
    by_image = fit_logistic(X.__getitem__, rare, np.ones(2), 1, np.random.RandomState(0))
    assert_array_equal(by_image.kernel, whole.kernel)
    monkeypatch.setattr(_logistic_filter, "MAX_PIXELS", 2000)
    drawn = fit_logistic(X.__getitem__, rare, np.ones(2), 1, np.random.RandomState(0))
    assert_allclose(_apply(drawn, X)[:, 1].mean(), rare.mean(), rtol=0.05)
    assert_allclose(drawn.kernel, whole.kernel, rtol=0.1)


def test_ignored_pixels_are_not_learnt_from():
    X, places = _make(2)
    noise = np.random.default_rng(1).uniform(size=places.shape) < 0.5
    found = [
        fit_logistic(
            X_.__getitem__, np.where(noise, -1, places), np.ones(2), 1, np.random.RandomState(0)
        )
        for X_ in (X, np.where(noise, 50.0, X))
    ]
    assert_allclose(found[0].kernel, found[1].kernel, atol=1e-9)


def test_classes_that_are_not_there():
    X, places = _make(2)
    found = fit_logistic(X.__getitem__, places, np.ones(4), 3, np.random.RandomState(0))
    absent = _apply(found, X)[:, 2:]
    assert absent.max() < 0.05
    one = fit_logistic(X.__getitem__, 0 * places, np.ones(3), 3, np.random.RandomState(0))
    assert not one.kernel.any()
    assert _apply(one, X)[:, 0].min() > 0.99
