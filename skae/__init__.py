"""Autoencoders with scikit-learn's interface that start at PCA and only get better."""

from skae._version import __version__
from skae.estimators import (
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)

__all__ = [
    "AutoencoderTransformer",
    "ConvAutoencoder",
    "SparseAutoencoder",
    "VAETransformer",
    "__version__",
]
