"""Differences in colour between images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skae._colors import check_colors, rgb_to_lab
from skae._scikit_learn import validate_params
from skae._types import Predictor
from skae.metrics._images import LAYOUT, check_same_shapes, find_shape


@validate_params(LAYOUT, prefer_skip_nested_validation=True)
def ab_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    channels: Literal["first", "last"] = "first",
    image_shape: Sequence[int] | None = None,
) -> float:
    """Return the mean distance between colours, without their lightness.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, 3, height, width) or (n_samples, ...)
        True RGB images, with values in [0, 1].
    y_pred : array-like of the shape of `y_true`
        Predicted RGB images.
    channels : {"first", "last"}, default="first"
        The axis of an image that has its channels.
    image_shape : sequence of int or None, default=None
        Shape of one image with its channels. Needed if images are flattened.

    Returns
    -------
    error : float
        The Euclidean distance in the a-b plane of CIE Lab [1]_ (D65), averaged over all pixels; at
        least 0.

    Raises
    ------
    ValueError
        If the shapes differ, if images do not have three channels, or if values lie outside [0, 1].

    References
    ----------
    .. [1] CIE 15:2004. Colorimetry, 3rd edition.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import ab_error
    >>> red = np.zeros((1, 3, 8, 8))
    >>> red[:, 0] = 1
    >>> round(ab_error(red, np.full_like(red, 0.5)), 1)  # any grey is as far away
    104.6
    """
    true, predicted = check_same_shapes(y_true, y_pred)
    shape = find_shape(image_shape, true)
    true_ab, predicted_ab = (
        rgb_to_lab(_as_rows(check_colors(images, name), shape, channels))[:, 1:]
        for name, images in (("y_true", true), ("y_pred", predicted))
    )
    return float(np.hypot(*(true_ab - predicted_ab).T).mean())


def neg_ab_error_scorer(estimator: Predictor, X: ArrayLike, y: ArrayLike) -> float:
    """Score predicted RGB images by `ab_error`, with a minus sign.

    Parameters
    ----------
    estimator : fitted estimator
        Has `predict`.
    X : array-like of shape (n_samples, ...)
        Input of `predict`.
    y : array-like of shape (n_samples, 3, height, width)
        True RGB images. For another layout, use a scorer such as
        ``make_scorer(ab_error, greater_is_better=False, channels="last")``.

    Returns
    -------
    score : float
        Minus the error, at most 0; the higher the better.
    """
    return -ab_error(y, estimator.predict(X))


def _as_rows(images: NDArray, shape: tuple[int, ...], channels: str) -> NDArray:
    """Return the pixels of RGB images, of shape (n_pixels, 3)."""
    axis = -1 if channels == "last" else 0
    if len(shape) != 3 or shape[axis] != 3 or prod(shape) != images[0].size:
        wanted = "(height, width, 3)" if channels == "last" else "(3, height, width)"
        raise ValueError(
            f"y_true has rows of shape {images.shape[1:]}, but channels={channels!r} needs RGB "
            f"images of shape {wanted}. Set channels, or image_shape for flattened images."
        )
    # channels to the end: axis 1 of the whole array if they come first
    images = images.reshape(len(images), *shape)
    return np.moveaxis(images, axis if axis else 1, -1).reshape(-1, 3)
