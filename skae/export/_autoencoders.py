"""Fitted autoencoders as models of ONNX."""

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from skae._registry import EXPORTED, find_class
from skae.export._module import export_module

if TYPE_CHECKING:
    from onnx import ModelProto

AUTOENCODERS = tuple(find_class(name) for name in EXPORTED)
OUTPUTS = {
    "transform": "codes",
    "inverse_transform": "X_original",
    "reconstruct": "X_reconstructed",
}
"""What methods return, by the names that their docstrings have for it."""


def is_autoencoder(estimator: Any) -> bool:
    """Whether an estimator is one of ours; one of a subclass may do other things than its base."""
    return type(estimator) in AUTOENCODERS


def export_autoencoder(estimator: Any, method: str) -> "ModelProto":
    """Return what a method of a fitted autoencoder does, as a model with the input "X".

    Raises
    ------
    ValueError
        If it cannot be exported.
    """
    is_decoder = method == "inverse_transform"
    shape = (estimator.n_components_,) if is_decoder else find_row_shape(estimator)
    return export_module(_make_module(estimator, method), shape, OUTPUTS[method])


def find_row_shape(estimator: Any) -> tuple[int, ...]:
    """Return the shape of the rows to which an autoencoder was fitted."""
    return estimator._as_given(np.empty((0, estimator.n_features_in_))).shape[1:]


def _make_module(estimator: Any, method: str) -> nn.Module:
    if method == "transform":
        return estimator._transform_module()
    if method == "inverse_transform":
        return estimator._inverse_transform_module()
    return nn.Sequential(estimator._transform_module(), estimator._inverse_transform_module())
