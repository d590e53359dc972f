"""Conversion of fitted estimators to trees of JSON values and separate arrays, and back."""

import math
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from skae._registry import SAVED, find_class

Tree: TypeAlias = bool | int | float | str | list["Tree"] | dict[str, "Tree"] | None
"""A value of JSON. A dict stands for a value of another type, which one of its keys names."""
Node: TypeAlias = dict[str, Any]
"""A dict from a file, whose content is unknown before it is decoded."""


def is_known(value: object) -> TypeGuard[BaseEstimator]:
    """Return whether a value is an estimator that can be saved."""
    # instances of subclasses are not: they would be loaded as instances of the base
    name = type(value).__name__
    return name in SAVED and find_class(name) is type(value)


class Encoder:
    """Converts values to JSON and collects their arrays in `arrays`."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray] = {}

    def encode(self, value: object) -> Tree:
        """Return the tree from which `Decoder` restores the value.

        Raises
        ------
        TypeError
            If the value is or contains an object that is neither a number, text, nor an estimator
            of this package.
        """
        if isinstance(value, np.ndarray | np.generic):
            return self._encode_array(value)
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            # JSON has neither infinities nor NaN
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if type(value) is tuple:
            return {"tuple": [self.encode(item) for item in value]}
        if type(value) is dict:
            return {"dict": [[name, self.encode(item)] for name, item in value.items()]}
        return self._encode_object(value)

    def _encode_array(self, value: NDArray | np.generic) -> Tree:
        if isinstance(value, np.generic):
            return {"scalar": self._put_aside(np.asarray(value))}
        if value.dtype.kind in "OU" and all(isinstance(item, str) for item in value.flat):
            return {"strings": value.tolist(), "dtype": value.dtype.kind}
        if value.dtype.kind in "biuf":
            return {"array": self._put_aside(value)}
        raise TypeError(
            f"An array of dtype {value.dtype} cannot be saved: it holds neither numbers nor text."
        )

    def _put_aside(self, value: NDArray) -> str:
        name = str(len(self.arrays))
        # ascontiguousarray makes arrays without dimensions one-dimensional
        self.arrays[name] = np.ascontiguousarray(value).reshape(value.shape)
        return name

    def _encode_object(self, value: object) -> Tree:
        if isinstance(value, np.random.RandomState):
            return {"random_state": self.encode(value.get_state())}
        name = type(value).__name__
        if type(value) is FrozenEstimator:
            frozen: FrozenEstimator = value
            return {"frozen": self.encode(frozen.estimator)}
        if is_known(value):
            state = value.__getstate__()
            # callbacks are objects of the user, which cannot be saved
            state.pop("_skl_callbacks", None)
            return {"estimator": name, "state": self.encode(state)}
        raise TypeError(
            f"{value!r} cannot be saved: it is an object of the class {name}, but a file holds "
            "only numbers and text. If it is a parameter, set it to a string or number, or use "
            "skops.io or joblib instead."
        )


class Decoder:
    """Restores values from the trees of `Encoder`.

    Parameters
    ----------
    arrays : dict of str to array
        The arrays that `Encoder` collected.
    """

    def __init__(self, arrays: dict[str, NDArray]) -> None:
        self.arrays = arrays

    def decode(self, tree: object) -> Any:
        """Return the value of a tree.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the tree was not made by `Encoder`.
        """
        if isinstance(tree, list):
            return [self.decode(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        # names of methods come from KINDS only, never from the file
        for kind in KINDS & tree.keys():
            return getattr(self, f"_decode_{kind}")(tree)
        raise ValueError(f"a value of unknown kind, with the keys {', '.join(tree)}")

    def _decode_float(self, tree: Node) -> float:
        return float(tree["float"])

    def _decode_tuple(self, tree: Node) -> tuple[object, ...]:
        return tuple(self.decode(tree["tuple"]))

    def _decode_dict(self, tree: Node) -> dict[str, object]:
        return {name: self.decode(item) for name, item in tree["dict"]}

    def _decode_array(self, tree: Node) -> NDArray:
        return self.arrays[tree["array"]]

    def _decode_scalar(self, tree: Node) -> object:
        # indexing an array without dimensions gives a numpy scalar
        return self.arrays[tree["scalar"]][()]

    def _decode_strings(self, tree: Node) -> NDArray:
        return np.array(tree["strings"], dtype={"O": object, "U": str}[tree["dtype"]])

    def _decode_random_state(self, tree: Node) -> np.random.RandomState:
        random_state = np.random.RandomState()
        random_state.set_state(self.decode(tree["random_state"]))
        return random_state

    def _decode_frozen(self, tree: Node) -> FrozenEstimator:
        return FrozenEstimator(self.decode(tree["frozen"]))

    def _decode_estimator(self, tree: Node) -> object:
        cls = find_class(tree["estimator"])
        # as pickle does it; __setstate__ checks the state
        estimator: BaseEstimator = object.__new__(cls)
        estimator.__setstate__(self.decode(tree["state"]))
        return estimator


KINDS = {
    "float",
    "tuple",
    "dict",
    "array",
    "scalar",
    "strings",
    "random_state",
    "estimator",
    "frozen",
}
"""The keys of JSON objects that stand for values of other types."""
