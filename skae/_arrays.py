"""Arrays of other libraries, for scikit-learn's array API dispatch.

The package computes with numpy, and with torch on the device of the estimator. Arrays of other
libraries are converted to numpy on the way in, and results are converted back on the way out.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from sklearn import get_config
from torch import Tensor, bfloat16

from skae._scikit_learn import load_array_api


class Place(NamedTuple):
    """The library and the device of the arrays that a user gave.

    Attributes
    ----------
    xp : module
        An array API namespace.
    device : object
        A device in the sense of this namespace.
    """

    xp: ModuleType
    device: object

    def put(self, result: object) -> Any:
        """Convert the numpy arrays of a result to this library and device.

        Arrays in tuples and dicts are converted as well, and everything else is returned as it is.
        float64 becomes float32 on devices that do not have it.
        """
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


def find_place(X: object) -> Place | None:
    """Return the library and device of an array of another library, if dispatch is on.

    None stands for numpy arrays, for objects that are no arrays, and for dispatch that is off.
    """
    if not get_config()["array_api_dispatch"] or isinstance(X, np.ndarray | np.generic):
        return None
    if not isinstance(X, Tensor) and not hasattr(X, "__array_namespace__"):
        return None
    xp, _, device = load_array_api().get_namespace_and_device(X)
    return Place(xp, device)


def as_numpy(X: object) -> Any:
    """Convert an array of another library to numpy if dispatch is on; return others as they are."""
    return X if find_place(X) is None else to_numpy(X)


def to_numpy(array: Any) -> np.ndarray:
    """Convert an array of any library to numpy, whether dispatch is on or off."""
    if isinstance(array, Tensor):
        # numpy has no bfloat16; force detaches the tensor and copies it to the CPU
        return (array.float() if array.dtype == bfloat16 else array).numpy(force=True)
    if isinstance(array, np.ndarray):
        return array
    return load_array_api()._convert_to_numpy(array, array.__array_namespace__())
