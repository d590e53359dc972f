"""The estimators of this package: where they are, and what can be done with a fitted one.

A new estimator needs an entry here; `tests/test_registry.py` says so where it is missing, and holds
every entry to what it states.
"""

from importlib import import_module
from typing import NamedTuple


class Entry(NamedTuple):
    """An estimator.

    Attributes
    ----------
    name : str
    module : str
        The public module that exports it; it is imported when the estimator is asked for.
    is_saved : bool
        Whether `skae.persistence` writes files of it.
    is_exported : bool
        Whether `skae.export` makes models of ONNX of it.
    """

    name: str
    module: str
    is_saved: bool = True
    is_exported: bool = False


ESTIMATORS = (
    Entry("AutoencoderTransformer", "skae", is_exported=True),
    Entry("ConvAutoencoder", "skae", is_exported=True),
    Entry("SparseAutoencoder", "skae", is_exported=True),
    Entry("VAETransformer", "skae", is_exported=True),
    # a search: its estimator is saved and exported
    Entry("AutoencoderCV", "skae", is_saved=False),
    Entry("AtlasSegmenter", "skae.registration"),
    Entry("DiffeomorphicAutoencoder", "skae.registration"),
    Entry("GeoSICClassifier", "skae.registration"),
    Entry("ImageColorizer", "skae.image"),
    Entry("ImageSegmenter", "skae.image"),
    Entry("ImageToImageRegressor", "skae.image"),
)
SAVED = tuple(entry.name for entry in ESTIMATORS if entry.is_saved)
EXPORTED = tuple(entry.name for entry in ESTIMATORS if entry.is_exported)


def find_class(name: str) -> type:
    """Return the class of an estimator.

    Raises
    ------
    KeyError
        If there is none of this name.
    """
    modules = {entry.name: entry.module for entry in ESTIMATORS}
    found: type = getattr(import_module(modules[name]), name)
    return found
