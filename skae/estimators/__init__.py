"""The estimators: the one layer that knows numpy, dataframes and scikit-learn."""

from skae.estimators._autoencoder import AutoencoderTransformer
from skae.estimators._autoencoder_cv import AutoencoderCV
from skae.estimators._conv import ConvAutoencoder
from skae.estimators._sparse import SparseAutoencoder
from skae.estimators._vae import VAETransformer

__all__ = [
    "AutoencoderCV",
    "AutoencoderTransformer",
    "ConvAutoencoder",
    "SparseAutoencoder",
    "VAETransformer",
]
