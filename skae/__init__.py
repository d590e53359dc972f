"""Autoencoders with scikit-learn's interface that start at PCA and only get better."""

from importlib import import_module
from types import ModuleType

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
"""Public modules that `import skae` does not import; access to their names does."""


# PEP 562: importing them here would make `import skae` slow for those who need none of them
def __getattr__(name: str) -> ModuleType:
    if name in MODULES:
        return import_module(f"skae.{name}")
    raise AttributeError(f"module 'skae' has no attribute {name!r}")


def __dir__() -> list[str]:
    # without it, tab completion would not know modules that are not imported yet
    return [*__all__, *MODULES]
