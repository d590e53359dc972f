"""What can be saved, by name."""

from importlib import import_module
from typing import Any

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
"""Where the estimators are that nothing imports before they are named."""
NAMES = (*CORE, *SLICES)


def find_class(name: str) -> Any:
    """Return the class of an estimator that can be saved.

    Raises
    ------
    KeyError
        If there is none of this name.
    """
    module = estimators if name in CORE else import_module(SLICES[name])
    return getattr(module, name)


def is_known(value: Any) -> bool:
    """Whether a value is an estimator that can be saved; one of a subclass is not."""
    name = type(value).__name__
    return name in NAMES and find_class(name) is type(value)
