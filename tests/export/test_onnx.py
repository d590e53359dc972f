"""What cannot be exported is refused, and it is said why."""

import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)
from skae.export import to_onnx

ESTIMATORS = [
    AutoencoderTransformer(2),
    ConvAutoencoder(2),
    SparseAutoencoder(4),
    VAETransformer(2),
    AutoencoderCV(2),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        to_onnx(estimator)
    with pytest.raises(NotFittedError):
        to_onnx(make_pipeline(estimator))


def test_no_estimator():
    with pytest.raises(TypeError, match="estimator"):
        to_onnx("autoencoder")


def test_unknown_method(small):
    with pytest.raises(ValueError, match=r"method must be one of transform.*Got 'encode'"):
        to_onnx(small, method="encode")


def test_types_of_inputs(small):
    with pytest.raises(ValueError, match="initial_types is for Pipelines"):
        to_onnx(small, initial_types=[("X", None)])
