"""Autoencoders with scikit-learn's interface that start at PCA and only get better."""

from importlib import import_module
from typing import Any

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

MODULES = (
    "datasets",
    "export",
    "image",
    "inspection",
    "metrics",
    "model_selection",
    "persistence",
    "registration",
)
"""Public modules, which are imported when they are named."""


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"skae.{name}")
    raise AttributeError(f"module 'skae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *MODULES]
