"""The estimators: parameters, and the decisions from which a fit is made."""

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

# pickles and lists of trusted types name the public path, so that files may move
for _estimator in (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
):
    _estimator.__module__ = "skae"
