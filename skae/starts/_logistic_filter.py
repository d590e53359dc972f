"""The logistic regression of a pixel's class on the pixels around it."""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from skae.starts._windows import Filter, find_windows

MAX_PIXELS = 2**16
"""The regression is learnt from at most this many pixels: it has few weights."""
PIXELS_AT_ONCE = 2**20


def fit_logistic(
    see: Callable[[slice], NDArray],
    places: NDArray,
    class_weight: NDArray,
    size: int,
    random_state: np.random.RandomState,
) -> Filter:
    """Return the filter whose output channels are the logits of the classes.

    Parameters
    ----------
    see : callable
        Returns the images of a slice, shape (n, n_channels, *sizes). The filter continues them by
        their reflection.
    places : array of shape (n, 1, *sizes)
        The class of every pixel, from 0 on. Pixels with a negative number are left out.
    class_weight : array of shape (n_classes,)
    size : int
        Size of the kernel, odd.
    random_state : RandomState
        Draws as many pixels of every class, whose weights then restore the shares of the classes.
    """
    n_classes = len(class_weight)
    pixels, weights = _draw_pixels(places.ravel(), class_weight, random_state)
    y = places.ravel()[pixels].astype(np.intp)
    seen = np.unique(y)
    patches = _take_patches(see, places.shape, size, pixels)
    logits = np.zeros((n_classes, patches.shape[1]))
    # an absent class counts as if half a pixel had it: its logit stays finite
    bias = np.full(n_classes, np.log(0.5 / places.size))
    bias[seen] = 0.0
    if len(seen) > 1:
        model = LogisticRegression(solver="newton-cholesky", tol=1e-6)
        model.fit(patches, y, sample_weight=weights)
        # for two classes, scikit-learn has the difference of their logits only
        signs = np.array([[-0.5], [0.5]]) if len(seen) == 2 else np.eye(len(seen))
        logits[seen] = signs @ model.coef_
        bias[seen] = signs @ model.intercept_
    # (n_classes, n_channels * size**n_dims) -> (n_classes, n_channels, size, ...)
    kernel = logits.reshape(n_classes, -1, *[size] * (places.ndim - 2))
    return Filter(kernel, bias, np.ones(n_classes))


def _draw_pixels(
    places: NDArray, class_weight: NDArray, random_state: np.random.RandomState
) -> tuple[NDArray, NDArray]:
    """Return sorted places of random pixels, and their weights, with a mean of 1.

    Classes have as many pixels each, or all of their pixels if there are fewer.
    """
    drawn, weights = [], []
    for place, weight in enumerate(class_weight):
        (own,) = np.nonzero(places == place)
        n_drawn = min(len(own), MAX_PIXELS // len(class_weight))
        drawn.append(random_state.choice(own, n_drawn, replace=False) if n_drawn else own)
        weights.append(np.full(n_drawn, weight * len(own) / max(1, n_drawn)))
    pixels, weight = np.concatenate(drawn), np.concatenate(weights)
    order = np.argsort(pixels)
    return pixels[order], weight[order] / weight.mean()


def _take_patches(
    see: Callable[[slice], NDArray], shape: tuple[int, ...], size: int, pixels: NDArray
) -> NDArray[np.float64]:
    """Return the patches around sorted places of pixels, as rows."""
    n, _, *sizes = shape
    image, *place = np.unravel_index(pixels, (n, *sizes))
    found = []
    step = max(1, PIXELS_AT_ONCE // prod(sizes))
    for start in range(0, n, step):
        first, last = np.searchsorted(image, [start, start + step])
        here = slice(first, last)
        windows = find_windows(see(slice(start, start + step)), size)
        at: tuple[NDArray | slice, ...] = (
            image[here] - start,
            slice(None),
            *(axis[here] for axis in place),
        )
        # (n, n_channels, *sizes, size, ...) -> (n_here, n_channels, size, ...)
        patches = windows[at]
        found.append(patches.reshape(len(patches), windows.shape[1] * size ** len(sizes)))
    return np.concatenate(found).astype(np.float64, copy=False)
