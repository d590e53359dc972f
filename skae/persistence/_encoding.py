"""Fitted estimators as trees of JSON values, with arrays beside them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from skae._registry import SAVED, find_class


def is_known(value: Any) -> bool:
    """Whether a value is an estimator that can be saved; one of a subclass is not."""
    name = type(value).__name__
    return name in SAVED and find_class(name) is type(value)


class Encoder:
    """Turns values into JSON, and puts their arrays aside."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray] = {}

    def encode(self, value: Any) -> Any:
        """Return what `Decoder` makes the value of again.

        Raises
        ------
        TypeError
            If the value is, or holds, an object other than numbers, text and our estimators.
        """
        if isinstance(value, np.ndarray | np.generic):
            return self._encode_array(value)
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        if type(value) is tuple:
            return {"tuple": [self.encode(item) for item in value]}
        if type(value) is dict:
            return {"dict": [[name, self.encode(item)] for name, item in value.items()]}
        return self._encode_object(value)

    def _encode_array(self, value: Any) -> Any:
        if isinstance(value, np.generic):
            return {"scalar": self._put_aside(np.asarray(value))}
        if value.dtype.kind in "OU" and all(isinstance(item, str) for item in value.flat):
            return {"strings": value.tolist(), "dtype": value.dtype.kind}
        if value.dtype.kind in "biuf":
            return {"array": self._put_aside(value)}
        raise TypeError(
            f"An array of {value.dtype} cannot be saved: it holds neither numbers nor text."
        )

    def _put_aside(self, value: NDArray) -> str:
        name = str(len(self.arrays))
        self.arrays[name] = np.ascontiguousarray(value).reshape(value.shape)
        return name

    def _encode_object(self, value: Any) -> Any:
        if isinstance(value, np.random.RandomState):
            return {"random_state": self.encode(value.get_state())}
        name = type(value).__name__
        if type(value) is FrozenEstimator:
            return {"frozen": self.encode(value.estimator)}
        if is_known(value):
            state = value.__getstate__()
            # objects of the user's, that a fit tells of its progress
            state.pop("_skl_callbacks", None)
            return {"estimator": name, "state": self.encode(state)}
        raise TypeError(
            f"{value!r} cannot be saved: it is an object of the class {name}, and a file holds "
            "numbers and text alone. Set the parameter that it is to one of its strings, or use "
            "skops.io or joblib."
        )


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
        for kind in KINDS & tree.keys():
            return getattr(self, f"_decode_{kind}")(tree)
        raise ValueError(f"a value of no known kind: {', '.join(tree)}")

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

    def _decode_random_state(self, tree: Any) -> np.random.RandomState:
        random_state = np.random.RandomState()
        random_state.set_state(self.decode(tree["random_state"]))
        return random_state

    def _decode_frozen(self, tree: Any) -> Any:
        return FrozenEstimator(self.decode(tree["frozen"]))

    def _decode_estimator(self, tree: Any) -> Any:
        cls: Any = find_class(tree["estimator"])
        estimator = cls.__new__(cls)
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
"""The keys of JSON objects that stand for values of a kind."""
