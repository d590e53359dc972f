"""From what the start is learnt."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.image import ImageToImageRegressor
from skae.starts import _filter_start
from skae.starts._filter_start import take_crops

RNG = np.random.default_rng(0)


def test_small_images_are_taken_whole(monkeypatch):
    X, y = RNG.normal(size=(2, 9, 1, 8, 8))
    rows = RNG.permutation(9)
    seen, target = take_crops(X, y, rows)
    assert_array_equal(seen, X[rows])
    assert_array_equal(target, y[rows])
    monkeypatch.setattr(_filter_start, "MAX_PIXELS", 4 * 64)
    assert_array_equal(take_crops(X, y, rows)[0], X[rows[:4]])


@pytest.mark.parametrize("n", [1, 5, 40])
def test_crops_of_all_large_images(monkeypatch, n):
    monkeypatch.setattr(_filter_start, "MAX_PIXELS", 40 * 32**2)
    X = np.arange(n * 300 * 200.0).reshape(n, 1, 300, 200)
    seen, target = take_crops(X, np.concatenate([X, -X], 1), np.arange(n))
    assert len(seen) == n
    assert 0.5 * 40 * 32**2 < seen.size < 1.5 * 40 * 32**2
    assert_array_equal(target[:, :1], seen)
    assert_array_equal(np.diff(seen, axis=3), 1)
    assert_array_equal(np.diff(seen, axis=2), 200)
    corners = seen[:, 0, 0, 0] % (300 * 200)
    assert len(np.unique(corners)) == n


def test_the_start_of_few_large_images_is_that_of_all(monkeypatch):
    """The share that is explained is never below 0, as it was where one of two stood for both."""
    x = RNG.normal(size=(2, 64, 84))
    y = np.stack([x[0], 0 * x[1] + 5])
    monkeypatch.setattr(_filter_start, "MAX_PIXELS", 64 * 84 // 2)
    model = ImageToImageRegressor(max_iter=0, early_stopping=False, filter_size=3).fit(x, y)
    assert model.score(x, y) > -0.05
