"""The share of variance that is explained."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from skae.rows._explained_variance import explained_share


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_scikit_learns(iris, dtype):
    X = iris.astype(dtype)
    X[:, 2] = 3  # a feature that does not vary does not count
    reconstruction = X + np.random.default_rng(0).normal(size=X.shape, scale=0.3).astype(dtype)
    expected = r2_score(X, reconstruction, multioutput="variance_weighted")
    assert explained_share(X, reconstruction) == pytest.approx(expected, rel=1e-5)


def test_where_nothing_varies(iris):
    X = np.ones((5, 2))
    assert explained_share(X, X) == r2_score(X, X, multioutput="variance_weighted") == 1
    assert explained_share(X, X + 1) == r2_score(X, X + 1, multioutput="variance_weighted") == 0


def test_scales_that_are_far_apart():
    X = np.array([[9e6, 1e-13], [0, 0]], np.float32)
    assert explained_share(X, X + np.float32(2e6)) == pytest.approx(1 - 4 * 4e12 / 4.05e13)
    largest = np.finfo(np.float32).max
    X = np.array([[largest], [-largest]])
    assert explained_share(X, -X) == pytest.approx(-3)
    assert np.isfinite(explained_share(X * 1e-190, X))
