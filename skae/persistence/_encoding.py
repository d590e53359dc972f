"""Fitted estimators as trees of JSON values, with arrays beside them."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from skae import objectives
from skae.estimators import (
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)
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

ESTIMATORS = (AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer)
ARCHITECTURES = (DenseArchitecture, ConvArchitecture, SparseArchitecture, VariationalArchitecture)
TUPLES = (Units, ImageLayout)
OBJECTS: tuple[type, ...] = (
    *ESTIMATORS,
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
    StandardNormal,
    SupportDensity,
)
"""Classes whose objects are what their attributes are."""
CLASSES: dict[str, Any] = {
    cls.__name__: cls for cls in (*OBJECTS, *TUPLES, *ARCHITECTURES, FittedNetwork, LatentDensity)
}
"""All that a file may hold objects of."""


class Encoder:
    """Turns values into JSON, and puts their arrays aside."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray] = {}

    def encode(self, value: Any) -> Any:
        """Return what `Decoder` makes the value of again.

        Raises
        ------
        TypeError
            If the value is, or holds, an object of a class that is not in `CLASSES`.
        """
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float) and not isinstance(value, np.generic):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if type(value) is tuple:
            return {"tuple": [self.encode(item) for item in value]}
        if type(value) is dict:
            return {"dict": [[name, self.encode(item)] for name, item in value.items()]}
        if isinstance(value, np.ndarray | np.generic | csc_array):
            return self._encode_array(value)
        if isinstance(value, np.random.RandomState):
            return {"random_state": self.encode(value.get_state())}
        return self._encode_object(value)

    def _encode_array(self, value: Any) -> Any:
        if isinstance(value, csc_array):
            parts = [value.data, value.indices, value.indptr]
            return {"csc": [self.encode(part) for part in parts], "shape": list(value.shape)}
        if isinstance(value, np.generic):
            return {"scalar": self._put_aside(np.asarray(value))}
        if value.dtype.kind in "OU" and all(isinstance(item, str) for item in value.flat):
            return {"strings": value.tolist(), "dtype": "O" if value.dtype.kind == "O" else "U"}
        if value.dtype.kind in "biuf":
            return {"array": self._put_aside(value)}
        raise TypeError(f"An array of {value.dtype} cannot be saved; its numbers are no numbers.")

    def _put_aside(self, value: NDArray) -> str:
        name = str(len(self.arrays))
        self.arrays[name] = np.ascontiguousarray(value).reshape(value.shape)
        return name

    def _encode_object(self, value: Any) -> Any:
        name = type(value).__name__
        if CLASSES.get(name) is not type(value):
            raise TypeError(
                f"{value!r} cannot be saved: it is an object of the class {name}, and a file holds "
                "numbers and text alone. Set the parameter that it is to one of its strings, or "
                "use skops.io or joblib."
            )
        return {"class": name, "state": self.encode(_state(value))}


def _state(value: Any) -> dict[str, Any]:
    """Return what an object is made of."""
    if isinstance(value, TUPLES):
        return value._asdict()
    if isinstance(value, Architecture):
        fields = dataclasses.fields(value)  # type: ignore[arg-type]
        return {field.name: getattr(value, field.name) for field in fields}
    if isinstance(value, FittedNetwork):
        return value.__getstate__()
    if isinstance(value, LatentDensity):
        # what it fits to the codes, it fits again
        return {name: getattr(value, name) for name in ("density", "codes", "seed")}
    return dict(value.__dict__)


class Decoder:
    """Makes values of what `Encoder` has made of them.

    Parameters
    ----------
    arrays : dict of str to array
        Those that were put aside.
    """

    def __init__(self, arrays: dict[str, NDArray]) -> None:
        self.arrays = arrays

    def decode(self, tree: Any) -> Any:
        """Return the value; KeyError, TypeError or ValueError if the tree is none of a value."""
        if isinstance(tree, list):
            return [self.decode(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        kind = next(iter(tree))
        return getattr(self, f"_decode_{KINDS[kind]}")(tree)

    def _decode_float(self, tree: Any) -> float:
        return float(tree["float"])

    def _decode_tuple(self, tree: Any) -> tuple[Any, ...]:
        return tuple(self.decode(tree["tuple"]))

    def _decode_dict(self, tree: Any) -> dict[str, Any]:
        return {name: self.decode(item) for name, item in tree["dict"]}

    def _decode_array(self, tree: Any) -> NDArray:
        return self.arrays[tree["array"]]

    def _decode_scalar(self, tree: Any) -> Any:
        return self.arrays[tree["scalar"]][()]

    def _decode_strings(self, tree: Any) -> NDArray:
        return np.array(tree["strings"], dtype={"O": object, "U": str}[tree["dtype"]])

    def _decode_csc(self, tree: Any) -> csc_array:
        data, indices, indptr = self.decode(tree["csc"])
        matrix = csc_array((data, indices, indptr), shape=tuple(tree["shape"]))
        matrix.check_format(full_check=True)
        return matrix

    def _decode_random_state(self, tree: Any) -> np.random.RandomState:
        random_state = np.random.RandomState()
        random_state.set_state(self.decode(tree["random_state"]))
        return random_state

    def _decode_object(self, tree: Any) -> Any:
        cls, state = CLASSES[tree["class"]], self.decode(tree["state"])
        if cls in OBJECTS:
            value = cls.__new__(cls)
            value.__dict__.update(state)
            return value
        if cls is FittedNetwork:
            value = cls.__new__(cls)
            _check_size(**state)
            value.__setstate__(state)
            return value
        return cls(**state)


def _check_size(architecture: Architecture, weights: dict[str, NDArray]) -> None:
    """Raise ValueError if a network would be larger than the weights that are there for it."""
    n_weights = sum(weight.size for weight in weights.values())
    if min(architecture.sizes) < 1:
        raise ValueError(f"{architecture} has sizes below 1")
    if architecture.n_weights > n_weights:
        raise ValueError(f"{architecture} needs more weights than the {n_weights} there are")


KINDS = {
    "float": "float",
    "tuple": "tuple",
    "dict": "dict",
    "array": "array",
    "scalar": "scalar",
    "strings": "strings",
    "csc": "csc",
    "random_state": "random_state",
    "class": "object",
}
"""What the first key of a JSON object says that it is."""
