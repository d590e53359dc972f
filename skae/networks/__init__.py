"""Torch modules: tensors in, named outputs out. No loss, no training, no numpy."""

from skae.networks._activations import ACTIVATIONS
from skae.networks._autoencoder import Autoencoder, DenseArchitecture, Reconstruction
from skae.networks._dense import Dense, Mirrored
from skae.networks._linear_start import AroundLinear
from skae.networks._units import FromUnits, ToUnits
from skae.networks._variational import (
    VariationalArchitecture,
    VariationalAutoencoder,
    VariationalOutputs,
)

__all__ = [
    "ACTIVATIONS",
    "AroundLinear",
    "Autoencoder",
    "Dense",
    "DenseArchitecture",
    "FromUnits",
    "Mirrored",
    "Reconstruction",
    "ToUnits",
    "VariationalArchitecture",
    "VariationalAutoencoder",
    "VariationalOutputs",
]
