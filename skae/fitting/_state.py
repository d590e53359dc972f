"""The state of fitted estimators, with nothing in it but numbers, text and containers of them."""

import dataclasses
import os
from typing import Any

import torch
from scipy.sparse import csc_array
from torch import Tensor

from skae import objectives
from skae.fitting._devices import choose_device
from skae.fitting._fitted import FittedNetwork
from skae.latent import LatentDensity, StandardNormal, SupportDensity
from skae.networks import (
    Architecture,
    ConvArchitecture,
    DenseArchitecture,
    ImageLayout,
    SparseArchitecture,
    UNetArchitecture,
    VariationalArchitecture,
)
from skae.rows._units import Units

ARCHITECTURES = (
    DenseArchitecture,
    ConvArchitecture,
    SparseArchitecture,
    UNetArchitecture,
    VariationalArchitecture,
)
LINKS: tuple[type, ...] = (
    *objectives.LOSSES.values(),
    objectives.Bernoulli,
    objectives.Categorical,
    objectives.ContinuousBernoulli,
    objectives.DynamicBernoulli,
    objectives.Gaussian,
    objectives.GaussianDiagonal,
    objectives.NegativeBinomial,
    objectives.Poisson,
    objectives.StudentT,
)
Classes = dict[str, Any]
CLASSES: Classes = {
    cls.__name__: cls
    for cls in (
        *ARCHITECTURES,
        *LINKS,
        FittedNetwork,
        ImageLayout,
        LatentDensity,
        StandardNormal,
        SupportDensity,
        Tensor,
        Units,
    )
}
"""What the fitted estimators of this layer consist of; others name what else they have."""


def simplified(value: Any, classes: Classes = CLASSES) -> Any:
    """Return a value with objects of `classes` as dicts; others stay as they are."""
    if type(value) is dict:
        return {name: simplified(item, classes) for name, item in value.items()}
    if type(value) is tuple:
        return tuple(simplified(item, classes) for item in value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    name = type(value).__name__
    if classes.get(name) is not type(value):
        return value
    return {"class": name, "state": simplified(_state(value), classes)}


def restored(value: Any, classes: Classes = CLASSES) -> Any:
    """Return what was simplified with the same classes.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a dict is not one of an object.
    """
    if type(value) is tuple:
        return tuple(restored(item, classes) for item in value)
    if type(value) is not dict:
        return value
    contents = {name: restored(item, classes) for name, item in value.items()}
    if contents.keys() != {"class", "state"}:
        return contents
    return _make(classes[contents["class"]], contents["state"])


def _state(value: Any) -> dict[str, Any]:
    """Return what an object is made of."""
    if isinstance(value, tuple):  # a named one
        return value._asdict()  # type: ignore[attr-defined]
    if isinstance(value, Tensor):
        # an attribute, where the fit was given tensors
        return {"values": value.numpy(force=True), "device": str(value.device)}
    if isinstance(value, Architecture):
        fields = dataclasses.fields(value)  # type: ignore[arg-type]
        return {field.name: getattr(value, field.name) for field in fields}
    if isinstance(value, FittedNetwork):
        return value.__getstate__()
    if isinstance(value, LatentDensity):
        # what it fits to the codes, it fits again
        return {name: getattr(value, name) for name in ("density", "codes", "seed")}
    if isinstance(value, SupportDensity):
        codes = value.codes
        return {name: getattr(codes, name) for name in ("data", "indices", "indptr", "shape")}
    return dict(value.__dict__)


def _make(cls: Any, state: Any) -> Any:
    """Return an object of a class with a state."""
    if cls is FittedNetwork:
        network = cls.__new__(cls)
        network.__setstate__(state)
        return network
    if cls is Tensor:
        return torch.tensor(state["values"], device=_present(state["device"]))
    if cls is SupportDensity:
        return SupportDensity(_make_csc(**state))
    if cls in LINKS:
        link = cls.__new__(cls)
        link.__dict__.update(state)
        return link
    return cls(**state)


def _present(name: str) -> torch.device:
    """Return the device of this name if it is here, else the CPU."""
    try:
        return choose_device(name)
    except ValueError:
        return torch.device("cpu")


def _make_csc(data: Any, indices: Any, indptr: Any, shape: Any) -> csc_array:
    matrix = csc_array((data, indices, indptr), shape=shape)
    matrix.check_format(full_check=True)
    return matrix
