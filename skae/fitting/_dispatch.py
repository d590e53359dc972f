"""Methods that answer in the library and on the device of the arrays they are given."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context, get_config

from skae._arrays import Place, as_numpy, find_place
from skae.fitting._rollback import rolled_back_on_failure

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E")


def dispatched_fit(fit: Callable[[E, Any, Any], E]) -> Callable[[E, Any, Any], E]:
    """Have `fit` take arrays of any library, and put the fitted arrays where X is.

    If it fails, a callback included, the estimator is as it was.
    """

    @wraps(fit)
    def wrapped(self: E, X: Any, y: Any = None) -> E:
        place = find_place(X)
        X, y = as_numpy(X), as_numpy(y)
        with rolled_back_on_failure(self), config_context(array_api_dispatch=False):
            fit(self, X, y)
        if place is not None:
            _move_attributes(self, place)
        return self

    return wrapped


def dispatched(method: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
    """Have a method of a fitted estimator answer where the arrays are that `fit` was given.

    Raises
    ------
    ValueError
        If its X is an array of another library, or on another device.
    """
    has_rows = "X" in signature(method).parameters

    @wraps(method)
    def wrapped(self: E, *args: P.args, **kwargs: P.kwargs) -> R:
        fitted: Any = getattr(self, "mean_", None)
        if not get_config()["array_api_dispatch"] or fitted is None:
            return method(self, *args, **kwargs)
        if has_rows:
            X = args[0] if args else kwargs.get("X")
            _check_place(X, fitted, f"{type(self).__name__}.{method.__name__}()")
        given = [as_numpy(value) for value in args]
        named = {name: as_numpy(value) for name, value in kwargs.items()}
        # what it calls itself is given arrays of numpy
        with config_context(array_api_dispatch=False):
            result: Any = method(self, *given, **named)
        place = find_place(fitted)
        return result if place is None else place.put(result)

    return wrapped


def _move_attributes(estimator: Any, place: Place) -> None:
    for name, value in vars(estimator).items():
        is_public = name.endswith("_") and not name.startswith("_")
        # names of classes stay as they are
        if is_public and isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            setattr(estimator, name, place.put(value))


def _check_place(X: Any, fitted: Any, method: str) -> None:
    """Raise ValueError if X is an array from elsewhere than the fitted ones."""
    given, wanted = find_place(X), find_place(fitted)
    # sparse codes are scipy's, whatever the library
    if given == wanted or issparse(X) or not hasattr(X, "shape"):
        return
    name = type(X).__name__ if given is None else _name(given)
    raise ValueError(
        f"Inputs passed to {method} must use the same namespace and the same device as those "
        f"passed to fit(). Got {name}, and fit() had {_name(wanted)}. Move X there, or fit anew."
    )


def _name(place: Place | None) -> str:
    return "numpy" if place is None else f"{place.xp.__name__.split('.')[-1]} on {place.device}"
