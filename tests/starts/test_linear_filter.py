"""The best linear filter."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.ndimage import correlate

from skae.networks._unet import UNetArchitecture
from skae.starts import _linear_filter
from skae.starts._linear_filter import fit_filter, identity_filter


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 2, 9, 11)) + 3
    y = X[:, :1] * X[:, 1:] + rng.normal(size=(5, 3, 9, 11))
    return X, y


def _design(X, size):
    """Return the patches around all pixels, by loops."""
    margin = size // 2
    padded = np.pad(X, [(0, 0), (0, 0), (margin,) * 2, (margin,) * 2], mode="reflect")
    n, _, height, width = X.shape
    return np.array(
        [
            padded[i, :, top : top + size, left : left + size].ravel()
            for i in range(n)
            for top in range(height)
            for left in range(width)
        ]
    )


def _pixels(y):
    return np.moveaxis(y, 1, -1).reshape(-1, y.shape[1])


@pytest.mark.parametrize("size", [1, 3, 5])
def test_it_is_least_squares_on_the_patches(pairs, size):
    X, y = pairs
    design = np.hstack([_design(X, size), np.ones((len(_pixels(y)), 1))])
    expected = np.linalg.lstsq(design, _pixels(y))[0]
    found = fit_filter(X, y, size)
    assert_allclose(found.kernel.reshape(3, -1).T, expected[:-1], atol=1e-10)
    assert_allclose(found.bias, expected[-1], atol=1e-10)
    errors = _pixels(y) - design @ expected
    assert_allclose(found.residual, np.sqrt(np.square(errors).mean(axis=0)), atol=1e-10)


def test_a_filter_is_found_again(pairs):
    kernel = np.random.default_rng(1).normal(size=(3, 3))
    X = pairs[0][:, :1]
    y = np.stack([correlate(image, kernel, mode="mirror") for image in X[:, 0]])[:, None] + 2
    found = fit_filter(X, y, 5)
    assert_allclose(found.kernel[0, 0, 1:4, 1:4], kernel, atol=1e-7)
    assert_allclose(found.bias, 2, atol=1e-6)
    assert_allclose(found.residual, 0, atol=1e-6)


def test_wiener():
    """White images with white noise: the gain is the share of the variance that is signal."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(1, 1, 500, 500))
    found = fit_filter(y + 0.5 * rng.normal(size=y.shape), y, 3)
    expected = np.zeros((3, 3))
    expected[1, 1] = 1 / 1.25
    assert_allclose(found.kernel[0, 0], expected, atol=0.01)
    assert_allclose(found.residual, (0.25 / 1.25) ** 0.5, atol=0.01)


def test_constant_images():
    """Without variance nothing is told from anything else, but for the mean."""
    X = np.full((2, 1, 6, 6), 4.0)
    found = fit_filter(X, X + 1, 3)
    assert_allclose(found.kernel.sum() * 4 + found.bias, 5)
    assert_allclose(found.residual, 0, atol=1e-7)


def test_identity(pairs):
    X = pairs[0]
    found = identity_filter(X, 2 * X + 1, 2.0, np.array([0.0, 0.0]))
    assert_allclose(found.kernel[:, :, 0, 0], 2 * np.eye(2))
    assert_allclose(found.residual, 1)


def test_the_network_applies_it(pairs):
    X, y = pairs
    found = fit_filter(X, y, 5)
    network = UNetArchitecture(2, 3, 4, 1, False, True, 5).build(torch.Generator().manual_seed(0))
    network.set_filter_(*map(torch.from_numpy, found))
    with torch.no_grad():
        filtered = network.filter(torch.from_numpy(X)).numpy()
        outputs = network(torch.from_numpy(X)).raw.numpy()
    expected = _design(X, 5) @ found.kernel.reshape(3, -1).T + found.bias
    assert_allclose(_pixels(filtered), expected, atol=1e-12)
    assert_allclose(outputs, filtered, rtol=0, atol=0)


def test_bands_of_lines_do_not_change_it(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 2, 20, 15))
    y = rng.normal(size=(3, 1, 20, 15)) + X[:, :1]
    expected = fit_filter(X, y, 5)
    monkeypatch.setattr(_linear_filter, "ENTRIES_AT_ONCE", 4000)
    for found, known in zip(fit_filter(X, y, 5), expected, strict=True):
        assert_allclose(found, known, atol=1e-12)
