"""The classes of estimators that can be saved."""

from importlib import import_module
from typing import TypeGuard

from sklearn.base import BaseEstimator

from skae import estimators

CORE = ("AutoencoderTransformer", "ConvAutoencoder", "SparseAutoencoder", "VAETransformer")
SLICES = {
    "AtlasSegmenter": "skae.registration",
    "DiffeomorphicAutoencoder": "skae.registration",
    "GeoSICClassifier": "skae.registration",
    "ImageColorizer": "skae.image",
    "ImageSegmenter": "skae.image",
    "ImageToImageRegressor": "skae.image",
}
"""Modules of the other estimators; a module is imported only when a file names its estimator."""
NAMES = (*CORE, *SLICES)


def find_class(name: str) -> type[BaseEstimator]:
    """Return the class with this name.

    Raises
    ------
    KeyError
        If no estimator of this name can be saved.
    """
    module = estimators if name in CORE else import_module(SLICES[name])
    cls: type[BaseEstimator] = getattr(module, name)
    return cls


def is_known(value: object) -> TypeGuard[BaseEstimator]:
    """Return whether a value is an estimator that can be saved."""
    # instances of subclasses are not: they would be loaded as instances of the base
    name = type(value).__name__
    return name in NAMES and find_class(name) is type(value)
