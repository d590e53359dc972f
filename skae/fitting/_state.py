"""The state of fitted estimators in plain values: numbers, text, and containers of them."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
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
Classes = dict[str, type]
CLASSES: Classes = {
    cls.__name__: cls
    for cls in (
        *ARCHITECTURES,
        *LINKS,
        dict,
        FittedNetwork,
        ImageLayout,
        LatentDensity,
        StandardNormal,
        SupportDensity,
        Tensor,
        Units,
    )
}
"""Classes of the attributes of fitted estimators; families beside the core add their own."""
OBJECT = {"class", "state"}
"""The keys of the dict that stands for an object."""


def simplified(value: object, classes: Classes = CLASSES) -> Any:
    """Replace objects of `classes` by dicts, also within dicts and tuples; keep other objects."""
    # not isinstance: a subclass, such as a named tuple, is another class
    if type(value) is dict:
        contents = {name: simplified(item, classes) for name, item in value.items()}
        # a dict with an object's keys would be taken for an object
        is_like_object = contents.keys() == OBJECT
        return {"class": "dict", "state": tuple(contents.items())} if is_like_object else contents
    if type(value) is tuple:
        return tuple(simplified(item, classes) for item in value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    name = type(value).__name__
    if classes.get(name) is not type(value):
        return value
    return {"class": name, "state": simplified(_state(value), classes)}


def restored(value: object, classes: Classes = CLASSES) -> Any:
    """Return the value that `simplified` was given, with the same classes.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a dict that should be an object names an unknown class or holds no state of its class.
    """
    if type(value) is tuple:
        return tuple(restored(item, classes) for item in value)
    if type(value) is not dict:
        return value
    # the innermost objects first
    contents = {name: restored(item, classes) for name, item in value.items()}
    if contents.keys() != OBJECT:
        return contents
    return _make(classes[contents["class"]], contents["state"])


def _state(value: object) -> Mapping[str, object]:
    """Return the values from which `_make` makes the same object."""
    if isinstance(value, tuple):  # a named one
        return value._asdict()  # type: ignore[attr-defined]
    if isinstance(value, Tensor):
        # a fitted attribute, if `fit` was given tensors
        return {"values": value.numpy(force=True), "device": str(value.device)}
    if isinstance(value, Architecture):
        fields = dataclasses.fields(value)  # type: ignore[arg-type]
        return {field.name: getattr(value, field.name) for field in fields}
    if isinstance(value, FittedNetwork):
        return value.__getstate__()
    if isinstance(value, LatentDensity):
        # the fitted density is not kept: it is fitted to the codes again
        return {name: getattr(value, name) for name in ("density", "codes", "seed")}
    if isinstance(value, SupportDensity):
        codes = value.codes
        return {name: getattr(codes, name) for name in ("data", "indices", "indptr", "shape")}
    return dict(value.__dict__)


def _make(cls: Any, state: Any) -> object:
    """Return an object of a class with a state."""
    if cls is FittedNetwork:
        network = cls.__new__(cls)
        network.__setstate__(state)
        return network
    if cls is Tensor:
        return torch.tensor(state["values"], device=_present(state["device"]))
    if cls is SupportDensity:
        return SupportDensity(_make_csc(**state))
    if cls is dict:
        return dict(state)
    if issubclass(cls, (tuple, Architecture, LatentDensity)):
        return cls(**state)
    # the state holds attributes, which may differ from the constructor's parameters
    made = cls.__new__(cls)
    made.__dict__.update(state)
    return made


def _present(name: str) -> torch.device:
    """Return the device of this name if it is here, else the CPU."""
    try:
        return choose_device(name)
    except ValueError:
        return torch.device("cpu")


def _make_csc(
    data: NDArray, indices: NDArray, indptr: NDArray, shape: tuple[int, int]
) -> csc_array:
    matrix = csc_array((data, indices, indptr), shape=shape)
    # indices from a damaged file would make scipy read beyond its arrays
    matrix.check_format(full_check=True)
    return matrix
