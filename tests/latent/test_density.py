"""Densities over codes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skae.latent import DENSITIES, LatentDensity, SupportDensity


def _codes(n=600):
    """Two round clusters, of very different scales in the two dimensions."""
    rng = np.random.default_rng(0)
    centres = np.where(rng.random((n, 1)) < 0.5, -3.0, 3.0)
    return (rng.normal(size=(n, 2)) * 0.3 + centres) * [1, 1000]


@pytest.mark.parametrize("name", DENSITIES)
def test_mean_and_covariance(name):
    codes = _codes()
    drawn = LatentDensity(name, codes, 0).sample(20_000, np.random.RandomState(0))
    spread = codes.std(axis=0)
    assert_allclose(drawn.mean(axis=0) / spread, codes.mean(axis=0) / spread, atol=0.1)
    # kernels widen the data by their own variance
    atol = 0.35 if name == "kde" else 0.05
    assert_allclose(np.cov((drawn / spread).T), np.cov((codes / spread).T), atol=atol)


@pytest.mark.parametrize("name", ["gmm", "kde"])
def test_clusters_stay_apart(name):
    drawn = LatentDensity(name, _codes(), 0).sample(2000, np.random.RandomState(0))
    assert (np.abs(drawn[:, 0]) < 1).mean() < 0.03


def test_one_normal_distribution_fills_the_gap():
    drawn = LatentDensity("gaussian", _codes(), 0).sample(2000, np.random.RandomState(0))
    assert (np.abs(drawn[:, 0]) < 1).mean() > 0.2


@pytest.mark.parametrize("codes", [np.zeros((30, 3)), np.eye(3)[:2], np.repeat(np.eye(3), 20, 0)])
@pytest.mark.parametrize("name", DENSITIES)
def test_few_or_equal_codes(name, codes):
    drawn = LatentDensity(name, codes, 0).sample(10, np.random.RandomState(0))
    assert drawn.shape == (10, 3)
    assert np.isfinite(drawn).all()


class Uniform:
    """The least a density of one's own must have."""

    def fit(self, codes):
        self.shape = codes.shape[1]
        return self

    def sample(self, n_samples):
        return np.ones((n_samples, self.shape))


class Seeded(Uniform):
    """One that takes a generator."""

    def sample(self, n_samples, random_state):
        return random_state.normal(size=(n_samples, self.shape))


def test_own_densities():
    own = Uniform()
    drawn = LatentDensity(own, _codes(), 0).sample(4, np.random.RandomState(0))
    assert drawn.shape == (4, 2)
    assert not hasattr(own, "shape"), "the object that was passed must not be changed"
    density = LatentDensity(Seeded(), _codes(), 0)
    draws = [density.sample(4, np.random.RandomState(seed)) for seed in (0, 0, 1)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()


class TestSupport:
    CODES = np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 0.0], [0.0, 0.0, -5.0], [0.0, 0.0, 0.0]])

    def _draw(self, n=4000, seed=0):
        return SupportDensity(self.CODES).sample(n, np.random.RandomState(seed))

    def test_components_are_active_together_as_in_the_codes(self):
        supports, counts = np.unique(self._draw() != 0, axis=0, return_counts=True)
        expected, shares = np.unique(self.CODES != 0, axis=0, return_counts=True)
        np.testing.assert_array_equal(supports, expected)
        assert_allclose(counts / 4000, shares / 4, atol=0.03)

    def test_values_are_those_of_the_component_and_drawn_apart(self):
        drawn = self._draw()
        rows, counts = np.unique(drawn[drawn[:, 0] != 0], axis=0, return_counts=True)
        np.testing.assert_array_equal(rows, [[1, 2, 0], [1, 4, 0], [3, 2, 0], [3, 4, 0]])
        assert_allclose(counts / counts.sum(), 0.25, atol=0.03)
        assert set(drawn[:, 2]) == {0.0, -5.0}

    def test_same_seed_same_draws(self):
        np.testing.assert_array_equal(self._draw(50), self._draw(50))
        assert (self._draw(50) != self._draw(50, seed=1)).any()

    def test_nothing_active_gives_nothing(self):
        density = SupportDensity(np.zeros((5, 3)))
        assert not density.sample(7, np.random.RandomState(0)).any()


@pytest.mark.parametrize("name", DENSITIES)
def test_single_precision(name):
    codes = np.random.RandomState(0).randn(100, 3).astype(np.float32)
    drawn = LatentDensity(name, codes, seed=0).sample(50, np.random.RandomState(0))
    assert np.isfinite(drawn).all()
