"""Autoencoders with scikit-learn's interface that start at PCA and only get better."""

from skae._pipelines import sample
from skae._version import __version__
from skae.estimators import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)

__all__ = [
    "AutoencoderCV",
    "AutoencoderTransformer",
    "ConvAutoencoder",
    "SparseAutoencoder",
    "VAETransformer",
    "__version__",
    "sample",
]
