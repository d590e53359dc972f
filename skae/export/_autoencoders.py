"""Export of fitted autoencoders to ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import numpy as np
from torch import nn

from skae._registry import EXPORTED, find_class
from skae.estimators._base import BaseAutoencoder
from skae.export._module import export_module

if TYPE_CHECKING:
    from onnx import ModelProto

Autoencoder: TypeAlias = BaseAutoencoder
AUTOENCODERS = tuple(find_class(name) for name in EXPORTED)
OUTPUTS = {
    "transform": "codes",
    "inverse_transform": "X_original",
    "reconstruct": "X_reconstructed",
}
"""Names of the outputs, which are those of the returned values in the methods' docstrings."""


def is_autoencoder(estimator: object) -> TypeGuard[Autoencoder]:
    """Return whether an estimator is an autoencoder of this package, not of a subclass.

    A subclass may have other methods than its base, which an export would not know.
    """
    return type(estimator) in AUTOENCODERS


def export_autoencoder(estimator: Autoencoder, method: str) -> ModelProto:
    """Export a method of a fitted autoencoder to a model with the input "X".

    Raises
    ------
    ValueError
        If the method cannot be exported.
    """
    is_decoder = method == "inverse_transform"
    shape = (estimator.n_components_,) if is_decoder else find_row_shape(estimator)
    return export_module(_make_module(estimator, method), shape, OUTPUTS[method])


def find_row_shape(estimator: Autoencoder) -> tuple[int, ...]:
    """Return the shape of the rows to which an autoencoder was fitted."""
    # (0, n_features) -> (0, channels, height, width) for images, for example
    return estimator._in_given_shape(np.empty((0, estimator.n_features_in_))).shape[1:]


def _make_module(estimator: Autoencoder, method: str) -> nn.Module:
    if method == "transform":
        return estimator._transform_module()
    if method == "inverse_transform":
        return estimator._inverse_transform_module()
    return nn.Sequential(estimator._transform_module(), estimator._inverse_transform_module())
