"""The logistic regression of a pixel's class on the pixels around it."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from skae.image._filter import Filter

MAX_PIXELS = 2**16
"""From how many pixels it is learnt: it has few weights."""


def fit_logistic(
    X: NDArray,
    places: NDArray,
    class_weight: NDArray,
    size: int,
    random_state: np.random.RandomState,
) -> Filter:
    """Return the filter whose results are the logits of all classes.

    Parameters
    ----------
    X : array of shape (n, n_channels, height, width)
        Continued by its reflection.
    places : array of shape (n, 1, height, width)
        The class of every pixel, from 0 on; pixels with less are not learnt from.
    class_weight : array of shape (n_classes,)
    size : int
        Of the kernel, odd.
    random_state : RandomState
        Draws pixels: of every class as many, which are then weighted by how many there are.
    """
    n_classes = len(class_weight)
    pixels, weights = _draw_pixels(places.ravel(), class_weight, random_state)
    y = places.ravel()[pixels].astype(np.intp)
    seen = np.unique(y)
    logits = np.zeros((n_classes, X.shape[1] * size**2))
    # a class that is not there is as rare as if it were half a pixel
    bias = np.full(n_classes, np.log(0.5 / places.size))
    bias[seen] = 0.0
    if len(seen) > 1:
        model = LogisticRegression(solver="newton-cholesky", tol=1e-6)
        model.fit(_take_patches(X, size, pixels), y, sample_weight=weights)
        signs = np.array([[-0.5], [0.5]]) if len(seen) == 2 else np.eye(len(seen))
        logits[seen] = signs @ model.coef_
        bias[seen] = signs @ model.intercept_
    kernel = logits.reshape(n_classes, X.shape[1], size, size)
    return Filter(kernel, bias, np.ones(n_classes))


def _draw_pixels(
    places: NDArray, class_weight: NDArray, random_state: np.random.RandomState
) -> tuple[NDArray, NDArray]:
    """Return places of pixels, at most as many of every class, and their weights."""
    drawn, weights = [], []
    for place, weight in enumerate(class_weight):
        (own,) = np.nonzero(places == place)
        n_drawn = min(len(own), MAX_PIXELS // len(class_weight))
        drawn.append(random_state.choice(own, n_drawn, replace=False) if n_drawn else own)
        weights.append(np.full(n_drawn, weight * len(own) / max(1, n_drawn)))
    pixels, weight = np.concatenate(drawn), np.concatenate(weights)
    return pixels, weight / weight.mean()


def _take_patches(X: NDArray, size: int, pixels: NDArray) -> NDArray[np.float64]:
    """Return the patches around some pixels, shape (n_pixels, n_channels * size**2)."""
    margin = size // 2
    sides = [(0, 0), (0, 0), (margin, margin), (margin, margin)]
    windows = sliding_window_view(np.pad(X, sides, mode="reflect"), (size, size), axis=(2, 3))
    n, height, width = X.shape[0], *X.shape[2:]
    image, row, column = np.unravel_index(pixels, (n, height, width))
    return windows[image, :, row, column].reshape(len(pixels), -1).astype(np.float64)
