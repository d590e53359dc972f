"""What a user has set around a call does not change it; half precision around our modules works."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer

ESTIMATORS = [
    AutoencoderTransformer(2),
    AutoencoderTransformer(2, contractive=0.1),
    AutoencoderTransformer(2, ordered=True),
    VAETransformer(2),
    SparseAutoencoder(6, n_nonzero=2),
    ConvAutoencoder(2),
]
pytestmark = pytest.mark.filterwarnings("ignore:Only:sklearn.exceptions.ConvergenceWarning")
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)


def decoder_width(fitted):
    """Return the number of components: a variational encoder puts out variances as well."""
    return fitted.transform(np.zeros((1, fitted.n_features_in_))).shape[1]


def _results(estimator, X):
    fitted = clone(estimator).set_params(max_iter=2, random_state=0).fit(X)
    return fitted.transform(X.astype(np.float32)), fitted.reconstruct(X.astype(np.float32))


@pytest.fixture
def double_by_default():
    """Have new tensors in double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@over_estimators
def test_autocast_around_a_call(iris, estimator):
    expected = _results(estimator, iris)
    with torch.autocast("cpu", torch.bfloat16):
        results = _results(estimator, iris)
    for result, other in zip(results, expected, strict=True):
        assert_array_equal(result, other)


@over_estimators
def test_another_default_dtype(iris, double_by_default, estimator):
    results = _results(estimator, iris)
    torch.set_default_dtype(torch.float32)
    for result, other in zip(results, _results(estimator, iris), strict=True):
        assert_array_equal(result, other)


@over_estimators
def test_modules_in_a_model_of_half_precision(iris, estimator):
    fitted = clone(estimator).set_params(max_iter=2, random_state=0).fit(iris)
    x = torch.from_numpy(iris).float()
    encoder, decoder = fitted.encoder_, fitted.decoder_
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        codes = encoder(x)[:, : decoder_width(fitted)].bfloat16()
        rows = decoder(codes).float()
    assert torch.isfinite(rows).all()
    assert (rows - decoder(codes.float())).abs().max() < 0.1 * iris.std()
