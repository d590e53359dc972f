"""Codes of rows, and where they are decoded."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, VAETransformer
from skae.inspection import (
    AtomsDisplay,
    LatentSpaceDisplay,
    LatentTraversalDisplay,
    ReconstructionDisplay,
    SampleDisplay,
)
from skae.inspection._codes import Spread, decode, encode, find_spread, vary_each, vary_pair

SPREAD = Spread(np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 2.0]))
VALUES = np.array([-1.0, 0.0, 2.0])


def test_each_component_varies_by_itself():
    codes = vary_each(SPREAD, SPREAD.mean, [2, 0], VALUES)
    assert_array_equal(codes[0], [[1, 2, 1], [1, 2, 3], [1, 2, 7]])
    assert_array_equal(codes[1], [[0.5, 2, 3], [1, 2, 3], [2, 2, 3]])


def test_two_components_vary_together():
    codes = vary_pair(SPREAD, np.zeros(3), [1, 0], VALUES)
    assert codes.shape == (3, 3, 3)
    assert_array_equal(codes[2, 0], [-0.5, 2, 0])
    assert_array_equal(codes[0, 2], [1, -1, 0])


def test_spread_of_rows_is_that_of_their_codes(models, digits):
    codes = encode(models["autoencoder"], digits[:50])
    spread = find_spread(models["autoencoder"], digits[:50])
    assert_array_equal(spread.mean, codes.mean(axis=0))
    assert_array_equal(spread.deviation, codes.std(axis=0))


FITTED = {
    "PCA": PCA(3),
    "scaled PCA": make_pipeline(StandardScaler(), PCA(3)),
    "autoencoder": AutoencoderTransformer(3, max_iter=1, random_state=0),
    "variational": VAETransformer(3, max_iter=1, random_state=0),
    "scaled": make_pipeline(StandardScaler(), VAETransformer(3, max_iter=1, random_state=0)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FITTED)
class TestTensors:
    """What is drawn is arrays of numpy, of estimators that were fitted to tensors too."""

    @pytest.fixture
    def fitted(self, digits, name, dtype):
        # no pixel is constant
        X = (digits[:100] + np.random.RandomState(0).rand(100, 64)).astype(dtype)
        with config_context(array_api_dispatch=True):
            yield clone(FITTED[name]).fit(torch.from_numpy(X)), torch.from_numpy(X)

    def test_there_and_back(self, fitted):
        estimator, X = fitted
        codes = encode(estimator, X)
        assert isinstance(codes, np.ndarray)
        rows = decode(estimator, codes.astype(np.float64))
        expected = estimator.inverse_transform(estimator.transform(X)).numpy()
        assert_allclose(rows, expected, rtol=1e-4, atol=1e-4)

    def test_traversals(self, fitted, name):
        estimator, X = fitted
        told = LatentTraversalDisplay.from_estimator(estimator, X, values=VALUES)
        assert isinstance(told.X, np.ndarray)
        assert told.X.shape == (3, 3, 64)
        if name != "autoencoder":
            known = LatentTraversalDisplay.from_estimator(estimator, values=torch.tensor(VALUES))
            assert known.X.shape == (3, 3, 64)

    def test_other_displays(self, fitted, name):
        estimator, X = fitted
        y = torch.arange(100) % 2
        display = LatentSpaceDisplay.from_estimator(estimator, X, y, components=[0, 1])
        assert len(display.scatters_[0]) == 2
        rows = ReconstructionDisplay.from_reconstructions(X, X + 1).X
        assert isinstance(rows, np.ndarray)
        if name.endswith("PCA"):
            assert isinstance(AtomsDisplay.from_estimator(estimator).atoms, np.ndarray)
        else:
            display = SampleDisplay.from_estimator(estimator, n_samples=2)
            assert isinstance(display.samples, np.ndarray)
