"""What a user has set around a call does not change it; half precision around our modules works."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.estimators import _devices

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


@pytest.mark.parametrize(
    ("free", "reserved", "allocated", "expected"),
    [(2002, 0, 0, True), (2001, 0, 0, False), (1002, 1500, 500, True), (1002, 1500, 501, False)],
)
def test_rows_lie_on_a_gpu_if_half_of_what_is_free_holds_them(
    monkeypatch, free, reserved, allocated, expected
):
    for name, value in {
        "mem_get_info": (free, 10**6),
        "memory_reserved": reserved,
        "memory_allocated": allocated,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    rows = [torch.zeros(100), torch.zeros(150)]  # 1000 bytes
    assert _devices.fits(rows, torch.device("cuda")) == expected
    assert _devices.fits(rows, torch.device("cpu"))
