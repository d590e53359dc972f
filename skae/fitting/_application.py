"""Fitted networks, applied to arrays in batches of bounded size."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skae.engine import warn_of_fork
from skae.fitting._devices import choose_device
from skae.fitting._fitted import FittedNetwork
from skae.fitting._loaders import MAX_BATCH

# each function says which kind of network it is for
Function = Callable[[Any, NDArray], NDArray]
"""A function of a network and some rows; returns an array of shape (n_rows, width)."""


class Applied(Protocol):
    """A fitted estimator whose network is applied to rows."""

    _network: FittedNetwork
    device: str


def in_batches(
    estimator: Applied, function: Function, X: NDArray, width: int, n_copies: int = 1
) -> NDArray:
    """Apply a function to an estimator's network and the rows of X; return a result in X's dtype.

    Parameters
    ----------
    estimator : estimator
    function : callable
    X : array of shape (n_samples, ...)
    width : int
        Number of entries of the result for one row.
    n_copies : int, default=1
        Copies of every row that the function gives to the network at once.

    Returns
    -------
    result : array of shape (n_samples, width)

    Raises
    ------
    ValueError
        If an entry of the result is not finite.
    """
    result = _apply(estimator._network, function, X, width, estimator.device, n_copies)
    if not np.isfinite(result).all():
        raise ValueError(
            f"{type(estimator).__name__} cannot represent the result for some rows of X in "
            f"{X.dtype}: their values are too far from those of the training data. Remove the "
            "outliers, or rescale X before fitting."
        )
    return result


def _apply(
    fitted: FittedNetwork,
    function: Function,
    X: NDArray,
    width: int,
    device_name: str,
    n_copies: int,
) -> NDArray:
    warn_of_fork()
    device = choose_device(device_name)
    # Apple's GPUs have no float64
    is_double = X.dtype == np.float64 and device.type != "mps"
    network = fitted.on(device, torch.float64 if is_double else torch.float32)
    result = np.empty((len(X), width), X.dtype)
    step = _count_rows_at_once(fitted, X, n_copies, is_double)
    with (
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        np.errstate(over="ignore", invalid="ignore"),
    ):
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            result[rows] = function(network, X[rows])
    return result


def _count_rows_at_once(fitted: FittedNetwork, X: NDArray, n_copies: int, is_double: bool) -> int:
    architecture = fitted.architecture
    n_entries = n_copies * max(X.shape[1], *architecture.sizes)
    n_rows = architecture.entries_per_batch // n_entries
    # in float64, some layers copy their input: batches have to be smaller
    if is_double:
        n_rows = min(n_rows, MAX_BATCH // (n_entries * architecture.n_unrolled))
    return max(1, n_rows)


def as_tensor(X: NDArray, like: nn.Module) -> Tensor:
    """Return an array as a tensor of a network's dtype, on its device."""
    # torch has no negative strides, and warns of arrays that it must not write to
    # (an array without entries counts as contiguous, whatever its strides)
    if not (X.flags.c_contiguous and X.flags.writeable) or min(X.strides) < 0:
        X = X.copy()
    return torch.from_numpy(X).to(next(like.parameters()))


def as_array(x: Tensor) -> NDArray:
    """Return a tensor as an array, without its gradient, on the CPU."""
    return x.numpy(force=True)
