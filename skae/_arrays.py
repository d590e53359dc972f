"""Arrays of other libraries, where scikit-learn's array API dispatch is on.

What computes here is numpy, and torch on the device of the estimator: arrays of other libraries are
taken over on the way in, and handed back on the way out.
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config
from torch import Tensor, bfloat16

from skae._scikit_learn import load_array_api


class Place(NamedTuple):
    """Where the arrays of a user are.

    Attributes
    ----------
    xp : module
        An array API namespace.
    device : object
    """

    xp: Any
    device: Any

    def put(self, result: Any) -> Any:
        """Return a result with its arrays in this place, in float32 where there is no float64."""
        if isinstance(result, tuple):
            return tuple(map(self.put, result))
        if isinstance(result, dict):  # a Bunch
            return type(result)(**{name: self.put(value) for name, value in result.items()})
        if not isinstance(result, np.ndarray):
            return result
        if result.dtype == np.float64 and not self._has_double():
            result = result.astype(np.float32)
        return self.xp.asarray(result, device=self.device)

    def _has_double(self) -> bool:
        highest = load_array_api()._max_precision_float_dtype(self.xp, self.device)
        return highest == self.xp.float64


def find_place(X: Any) -> Place | None:
    """Return where an array is; None for numpy's, what is no array, and without dispatch."""
    if not get_config()["array_api_dispatch"] or isinstance(X, np.ndarray | np.generic):
        return None
    if not isinstance(X, Tensor) and not hasattr(X, "__array_namespace__"):
        return None
    xp, _, device = load_array_api().get_namespace_and_device(X)
    return Place(xp, device)


def as_numpy(X: Any) -> Any:
    """Return an array of another library as numpy's, and anything else as it is."""
    return X if find_place(X) is None else to_numpy(X)


def to_numpy(array: Any) -> np.ndarray:
    """Return an array of any library as numpy's, with dispatch or without."""
    if isinstance(array, Tensor):
        # numpy has no bfloat16
        return (array.float() if array.dtype == bfloat16 else array).numpy(force=True)
    if isinstance(array, np.ndarray):
        return array
    return load_array_api()._convert_to_numpy(array, array.__array_namespace__())
