"""The state of fitted estimators, with nothing in it but numbers, text and containers of them."""

import dataclasses
import os
from typing import Any

import torch
from scipy.sparse import csc_array
from torch import Tensor

from skae import objectives
from skae.estimators._devices import find_device
from skae.estimators._fitted import FittedNetwork
from skae.estimators._units import Units
from skae.latent import LatentDensity, StandardNormal, SupportDensity
from skae.networks import (
    Architecture,
    ConvArchitecture,
    DenseArchitecture,
    ImageLayout,
    SparseArchitecture,
    VariationalArchitecture,
)

ARCHITECTURES = (DenseArchitecture, ConvArchitecture, SparseArchitecture, VariationalArchitecture)
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
CLASSES: dict[str, Any] = {
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
"""What fitted estimators consist of."""


def simplified(value: Any) -> Any:
    """Return a value with objects of `CLASSES` as dicts; others stay as they are."""
    if type(value) is dict:
        return {name: simplified(item) for name, item in value.items()}
    if type(value) is tuple:
        return tuple(map(simplified, value))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    name = type(value).__name__
    if CLASSES.get(name) is not type(value):
        return value
    return {"class": name, "state": simplified(_state(value))}


def restored(value: Any) -> Any:
    """Return what was simplified.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a dict is not one of an object.
    """
    if type(value) is tuple:
        return tuple(map(restored, value))
    if type(value) is not dict:
        return value
    contents = {name: restored(item) for name, item in value.items()}
    return _make(**contents) if contents.keys() == {"class", "state"} else contents


def _state(value: Any) -> dict[str, Any]:
    """Return what an object is made of."""
    if isinstance(value, Units | ImageLayout):
        return value._asdict()
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


def _make(**value: Any) -> Any:
    """Return an object of the class and the state that a dict names."""
    cls, state = CLASSES[value["class"]], value["state"]
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
        return find_device(name)
    except ValueError:
        return torch.device("cpu")


def _make_csc(data: Any, indices: Any, indptr: Any, shape: Any) -> csc_array:
    matrix = csc_array((data, indices, indptr), shape=shape)
    matrix.check_format(full_check=True)
    return matrix
