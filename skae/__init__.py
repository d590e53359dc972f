"""Autoencoders with scikit-learn's interface that start at PCA and only get better."""

from skae._version import __version__
from skae.estimators import AutoencoderTransformer, VAETransformer

__all__ = ["AutoencoderTransformer", "VAETransformer", "__version__"]
