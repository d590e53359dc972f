"""The best linear filter from images to images."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq

from skae.rows._summaries import as_pixels
from skae.starts._windows import Filter, find_windows, windows_as_rows

ENTRIES_AT_ONCE = 2**22
SMALLEST_SHARE = 1e-9
"""Directions with less of the largest variance than this have no weight."""


class Moments:
    """Means and covariances of the patches of X around every pixel, and of the pixels of y.

    Parameters
    ----------
    X : array of shape (n, n_channels_in, height, width)
        Continued by its reflection.
    y : array of shape (n, n_channels_out, height, width)
    size : int
        Of the patches, odd.
    """

    def __init__(self, X: NDArray, y: NDArray, size: int) -> None:
        self.n_in = X.shape[1] * size**2
        n_entries = self.n_in + y.shape[1]
        total, products = np.zeros(n_entries), np.zeros((n_entries, n_entries))
        n_pixels = y[:, 0].size
        step = max(1, ENTRIES_AT_ONCE // (X[0].size * size**2))
        n_lines = max(1, ENTRIES_AT_ONCE // (X[0, :, 0].size * size**2))
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            windows = find_windows(X[rows], size)
            for top in range(0, X.shape[2], n_lines):
                band = slice(top, top + n_lines)
                both = np.hstack(
                    [
                        windows_as_rows(windows[:, :, band]),
                        as_pixels(y[rows, :, band]).astype(np.float64),
                    ]
                )
                total += both.sum(axis=0)
                products += both.T @ both
        self.means = total / n_pixels
        self.covariances = products / n_pixels - np.outer(self.means, self.means)


def fit_filter(X: NDArray, y: NDArray, size: int) -> Filter:
    """Return the filter with the least squared error, that of Wiener where X is y and noise.

    Parameters
    ----------
    X : array of shape (n, n_channels_in, height, width)
    y : array of shape (n, n_channels_out, height, width)
    size : int
        Of the kernel, odd.
    """
    moments = Moments(X, y, size)
    n_in, means, covariances = moments.n_in, moments.means, moments.covariances
    cross = covariances[:n_in, n_in:]
    own = covariances[:n_in, :n_in]
    weights = lstsq(own, cross, cond=SMALLEST_SHARE, lapack_driver="gelsy")[0]
    bias = means[n_in:] - means[:n_in] @ weights
    explained = 2 * weights * cross - weights * (own @ weights)
    left = np.diag(covariances)[n_in:] - explained.sum(axis=0)
    kernel = weights.T.reshape(y.shape[1], X.shape[1], size, size)
    return Filter(kernel, bias, np.sqrt(left.clip(0)))


def identity_filter(X: NDArray, y: NDArray, gain: float, bias: NDArray) -> Filter:
    """Return ``y = gain * x + bias``, and what it leaves over; parameters as of `fit_filter`."""
    kernel = gain * np.eye(X.shape[1])[:, :, None, None]
    errors = y - gain * X - bias[:, None, None]
    return Filter(kernel, bias, np.sqrt(np.square(errors).mean(axis=(0, 2, 3))))
