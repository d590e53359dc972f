"""Linear filters of images, and the patches that they are applied to."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


class Filter(NamedTuple):
    """``y = kernel * x + bias``, a cross-correlation, and its error.

    Attributes
    ----------
    kernel : array of shape (n_channels_out, n_channels_in, size, ...)
    bias : array of shape (n_channels_out,)
    residual : array of shape (n_channels_out,)
        The root-mean-square error of every channel.
    """

    kernel: NDArray[np.float64]
    bias: NDArray[np.float64]
    residual: NDArray[np.float64]


def find_windows(X: NDArray, size: int) -> NDArray:
    """Return a view of the patch around every pixel, shape (*X.shape, size, size).

    For volumes of shape (n, n_channels, depth, height, width), patches are cubes.
    """
    n_dims = X.ndim - 2
    margins = [(size // 2, size // 2)] * n_dims
    padded = np.pad(X, [(0, 0), (0, 0), *margins], mode="reflect")
    return sliding_window_view(padded, (size,) * n_dims, axis=tuple(range(2, X.ndim)))


def windows_as_rows(windows: NDArray) -> NDArray[np.float64]:
    """Return patches as rows, shape (n_pixels, n_channels * size**n_dims)."""
    n_dims = windows.ndim // 2 - 1
    n_entries = windows.shape[1] * windows.shape[-1] ** n_dims
    # (n, n_channels, *sizes, size, ...) -> (n, *sizes, n_channels, size, ...) -> rows
    rows = np.moveaxis(windows, 1, 1 + n_dims).reshape(-1, n_entries)
    return rows.astype(np.float64, copy=False)


def find_patches(X: NDArray, size: int) -> NDArray[np.float64]:
    """Return the patch around every pixel as a row."""
    return windows_as_rows(find_windows(X, size))
