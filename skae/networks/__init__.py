"""Torch modules: tensors in, named outputs out. No loss, no training."""

from skae.networks._activations import ACTIVATIONS
from skae.networks._autoencoder import Autoencoder, DenseArchitecture, Reconstruction
from skae.networks._dense import Dense, Mirrored
from skae.networks._linear_start import AroundLinear
from skae.networks._sparse import Encoder, SparseArchitecture, SparseCoder, SparseOutputs
from skae.networks._thresholds import THRESHOLDS, JumpReLU, TopK
from skae.networks._units import FromUnits, ToUnits
from skae.networks._variational import (
    VariationalArchitecture,
    VariationalAutoencoder,
    VariationalOutputs,
)

__all__ = [
    "ACTIVATIONS",
    "THRESHOLDS",
    "AroundLinear",
    "Autoencoder",
    "Dense",
    "DenseArchitecture",
    "Encoder",
    "FromUnits",
    "JumpReLU",
    "Mirrored",
    "Reconstruction",
    "SparseArchitecture",
    "SparseCoder",
    "SparseOutputs",
    "ToUnits",
    "TopK",
    "VariationalArchitecture",
    "VariationalAutoencoder",
    "VariationalOutputs",
]
