"""The linear filter from images to images with the least squared error."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq

from skae.rows._summaries import as_pixels
from skae.starts._windows import Filter, find_windows, windows_as_rows

ENTRIES_AT_ONCE = 2**22
SMALLEST_SHARE = 1e-9
"""Directions with less variance than this share of the largest have no weight."""


class Moments:
    """Means and covariances of the patches of X around every pixel, and of the pixels of y.

    Parameters
    ----------
    X : array of shape (n, n_channels_in, height, width)
        Images are continued by their reflection.
    y : array of shape (n, n_channels_out, height, width)
    size : int
        Height and width of the patches, odd.
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
                # windows take size**2 times the memory of images: they are copied band by band
                band = slice(top, top + n_lines)
                # (n_pixels, n_in + n_channels_out)
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
    """Return the filter with the least squared error: a Wiener filter if X is y plus noise.

    Parameters
    ----------
    X : array of shape (n, n_channels_in, height, width)
    y : array of shape (n, n_channels_out, height, width)
    size : int
        Size of the kernel, odd.
    """
    moments = Moments(X, y, size)
    n_in, means, covariances = moments.n_in, moments.means, moments.covariances
    cross = covariances[:n_in, n_in:]
    own = covariances[:n_in, :n_in]
    weights = lstsq(own, cross, cond=SMALLEST_SHARE, lapack_driver="gelsy")[0]
    bias = means[n_in:] - means[:n_in] @ weights
    explained = 2 * weights * cross - weights * (own @ weights)
    left = np.diag(covariances)[n_in:] - explained.sum(axis=0)
    # (n_in, n_channels_out) -> (n_channels_out, n_channels_in, size, size)
    kernel = weights.T.reshape(y.shape[1], X.shape[1], size, size)
    return Filter(kernel, bias, np.sqrt(left.clip(0)))


def identity_filter(X: NDArray, y: NDArray, gain: float, bias: NDArray) -> Filter:
    """Return the filter ``y = gain * x + bias`` of a single pixel, with its error on X and y."""
    kernel = gain * np.eye(X.shape[1])[:, :, None, None]
    errors = y - gain * X - bias[:, None, None]
    return Filter(kernel, bias, np.sqrt(np.square(errors).mean(axis=(0, 2, 3))))
