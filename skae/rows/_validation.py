"""Validation of X before it is converted to an array, and of its magnitude."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, bfloat16

from skae.blocks import is_lazy


def detached(X: object) -> object:
    """Return X; if it is a tensor, detached from autograd, and in float32 instead of bfloat16.

    Raises
    ------
    ValueError
        If X comes in blocks, which together may need more memory than there is, or if it is a
        dict.
    """
    if is_lazy(X):
        raise ValueError(
            f"A {type(X).__name__} comes in blocks, but an array in memory is needed here. Load "
            "it, for example with numpy.asarray, if it is small enough."
        )
    # scipy's dok_array is a dict as well
    if isinstance(X, Mapping) and not hasattr(X, "shape"):
        raise ValueError(
            f"A {type(X).__name__} is no array. Give one of its values or, if these are blocks of "
            "rows, a list of them; if they are columns, make a dataframe of them."
        )
    if not isinstance(X, Tensor):
        return X
    # numpy has no bfloat16
    return X.detach().float() if X.dtype == bfloat16 else X.detach()


@contextmanager
def reading(name: str = "X") -> Iterator[None]:
    """Raise ValueError for an input that cannot be converted to an array.

    numpy raises OverflowError for integers that no float can hold, and torch raises RuntimeError
    for tensors that cannot be converted.
    """
    try:
        yield
    except (OverflowError, RuntimeError) as error:
        raise ValueError(f"Input {name} cannot be read as an array of numbers: {error}") from error
    except ValueError as error:
        if "Found array with dim" in str(error):
            raise ValueError(f"{error} Blocks of rows are given as a list of arrays.") from error
        if "setting an array element with a sequence" not in str(error):
            raise
        raise ValueError(
            f"{name} has rows of different shapes, but all must have the same. Resize images of "
            "several sizes, or cut patches of one size from them; give blocks of rows as a list "
            f"of arrays. (numpy: {error})"
        ) from error


def check_magnitude(X: NDArray, name: str = "X") -> None:
    """Raise ValueError if an array has values that float32 cannot hold."""
    if max(X.max(), -X.min()) > np.finfo(np.float32).max:
        raise ValueError(
            f"Input {name} contains a value too large for dtype('float32'), in which networks "
            f"are trained. Rescale {name}, for example with StandardScaler."
        )


def check_count(name: str, value: object) -> None:
    """Raise ValueError if an argument of this name is not a positive int."""
    # bool is a subclass of int
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1. Got {value!r} instead.")
