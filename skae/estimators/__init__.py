"""The estimators: the one layer that knows numpy, dataframes and scikit-learn."""

from skae.estimators._autoencoder import AutoencoderTransformer

__all__ = ["AutoencoderTransformer"]
