"""Torch modules, from tensors to named outputs; no losses and no training."""

from skae.networks._activations import ACTIVATIONS
from skae.networks._architecture import Architecture
from skae.networks._autoencoder import Autoencoder, Reconstruction
from skae.networks._convolutional import POOLINGS, ConvArchitecture
from skae.networks._dense import Dense, Mirrored
from skae.networks._dense_architecture import DenseArchitecture
from skae.networks._image_layout import ImageLayout
from skae.networks._linear_start import AroundLinear, RefinedLinear
from skae.networks._ordered import OrderedAutoencoder, PrefixReconstruction
from skae.networks._sparse import Encoder, SparseArchitecture, SparseCoder, SparseOutputs
from skae.networks._thresholds import THRESHOLDS, JumpReLU, TopK
from skae.networks._unet import AroundFilter, ImageOutputs, UNetArchitecture
from skae.networks._units import FromUnits, ToUnits
from skae.networks._variational import (
    EveryClass,
    MeanEncoder,
    VariationalArchitecture,
    VariationalAutoencoder,
    VariationalOutputs,
)

__all__ = [
    "ACTIVATIONS",
    "POOLINGS",
    "THRESHOLDS",
    "Architecture",
    "AroundFilter",
    "AroundLinear",
    "Autoencoder",
    "ConvArchitecture",
    "Dense",
    "DenseArchitecture",
    "Encoder",
    "EveryClass",
    "FromUnits",
    "ImageLayout",
    "ImageOutputs",
    "JumpReLU",
    "MeanEncoder",
    "Mirrored",
    "OrderedAutoencoder",
    "PrefixReconstruction",
    "Reconstruction",
    "RefinedLinear",
    "SparseArchitecture",
    "SparseCoder",
    "SparseOutputs",
    "ToUnits",
    "TopK",
    "UNetArchitecture",
    "VariationalArchitecture",
    "VariationalAutoencoder",
    "VariationalOutputs",
]
