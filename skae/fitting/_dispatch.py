"""Methods that take arrays of any library and return arrays of the same library and device."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn import config_context, get_config

from skae._arrays import Place, as_numpy, find_place
from skae.fitting._rollback import rolled_back_on_failure

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E")
# y is None for most estimators, and an array for others
Fit = Callable[[E, ArrayLike, Any], E]


def dispatched_fit(fit: Fit[E]) -> Fit[E]:
    """Decorate `fit`: it takes arrays of any library, and fitted arrays get X's library and device.

    If the fit or a callback fails, the estimator is as it was before.
    """

    @wraps(fit)
    def wrapped(self: E, X: ArrayLike, y: Any = None) -> E:
        place = find_place(X)
        X, y = as_numpy(X), as_numpy(y)
        with rolled_back_on_failure(self), config_context(array_api_dispatch=False):
            fit(self, X, y)
        if place is not None:
            _move_attributes(self, place)
        return self

    return wrapped


def dispatched(method: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
    """Decorate a method of a fitted estimator: its result gets the library and device of `fit`'s X.

    Raises
    ------
    ValueError
        If the X of the method is of another library or on another device than the X of `fit`.
    """
    has_rows = "X" in signature(method).parameters

    @wraps(method)
    def wrapped(self: E, *args: P.args, **kwargs: P.kwargs) -> R:
        fitted: object = getattr(self, "mean_", None)
        if not get_config()["array_api_dispatch"] or fitted is None:
            return method(self, *args, **kwargs)
        if has_rows:
            X = args[0] if args else kwargs.get("X")
            _check_place(X, fitted, f"{type(self).__name__}.{method.__name__}()")
        given = [as_numpy(value) for value in args]
        named = {name: as_numpy(value) for name, value in kwargs.items()}
        # off: methods that this one calls are given arrays of numpy
        with config_context(array_api_dispatch=False):
            result = method(self, *given, **named)
        place = find_place(fitted)
        return result if place is None else cast(R, place.put(result))

    return wrapped


def _move_attributes(estimator: object, place: Place) -> None:
    """Move the fitted arrays of an estimator to a library and device."""
    for name, value in vars(estimator).items():
        is_public = name.endswith("_") and not name.startswith("_")
        # texts, such as names of classes, stay arrays of numpy: other libraries have none
        if is_public and isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            setattr(estimator, name, place.put(value))


def _check_place(X: object, fitted: object, method: str) -> None:
    """Raise ValueError if X has another library or device than the fitted arrays."""
    given, wanted = find_place(X), find_place(fitted)
    # sparse codes are scipy's arrays with every library
    if given == wanted or issparse(X) or not hasattr(X, "shape"):
        return
    name = type(X).__name__ if given is None else _name(given)
    raise ValueError(
        f"Inputs passed to {method} must use the same namespace and the same device as those "
        f"passed to fit(). Got {name}, and fit() had {_name(wanted)}. Move X there, or fit anew."
    )


def _name(place: Place | None) -> str:
    return "numpy" if place is None else f"{place.xp.__name__.split('.')[-1]} on {place.device}"
