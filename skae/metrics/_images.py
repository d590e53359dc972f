"""Similarity of images: PSNR and SSIM."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter
from sklearn.utils import check_array

from skae._arrays import as_numpy
from skae._scikit_learn import Interval, StrOptions, validate_params
from skae._types import Predictor

RANGE: list[object] = [Interval(Real, 0, None, closed="neither"), None]
LAYOUT: dict[str, list[object]] = {
    "image_shape": ["array-like", None],
    "channels": [StrOptions({"first", "last"})],
}
"""Constraints on the parameters for the layout of images in an array."""


@validate_params({"data_range": RANGE}, prefer_skip_nested_validation=True)
def psnr(y_true: ArrayLike, y_pred: ArrayLike, *, data_range: float | None = None) -> float:
    """Return the mean peak signal-to-noise ratio of images.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, ...)
        True images, in any layout; they may be flattened.
    y_pred : array-like of the shape of `y_true`
        Predicted images.
    data_range : float or None, default=None
        Difference between the largest and the smallest value that images can have, such as 1 for
        images in [0, 1]. None takes the range of `y_true`.

    Returns
    -------
    psnr : float
        ``10 * log10(data_range**2 / MSE)`` of every image, in dB, averaged over the images. For one
        image, this is the value of `skimage.metrics.peak_signal_noise_ratio`. Infinite if an image
        is equal to its prediction.

    Raises
    ------
    ValueError
        If the shapes differ, or if the range is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import psnr
    >>> images = np.zeros((2, 8, 8))
    >>> round(psnr(images, images + 0.1, data_range=1.0), 6)
    20.0
    """
    y_true, y_pred, data_range = _check_pairs(y_true, y_pred, data_range)
    # divided before squaring, which could overflow otherwise
    errors = np.square((y_true - y_pred) / data_range).reshape(len(y_true), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(errors).mean())


@validate_params(
    {"data_range": RANGE, "win_size": [Interval(Integral, 3, None, closed="left")], **LAYOUT},
    prefer_skip_nested_validation=True,
)
def ssim(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    data_range: float | None = None,
    win_size: int = 7,
    image_shape: Sequence[int] | None = None,
    channels: Literal["first", "last"] = "first",
) -> float:
    """Return the mean structural similarity of images.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, height, width) or (n_samples, ...)
        True images. Arrays with four dimensions have channels.
    y_pred : array-like of the shape of `y_true`
        Predicted images.
    data_range : float or None, default=None
        Difference between the largest and the smallest value that images can have, such as 1 for
        images in [0, 1]. None takes the range of `y_true`.
    win_size : int, default=7
        Height and width of the windows that are compared, an odd number.
    image_shape : sequence of int or None, default=None
        Shape of one image. Needed if images are flattened.
    channels : {"first", "last"}, default="first"
        The axis of an image that has its channels.

    Returns
    -------
    ssim : float
        At most 1. The definition is that of Wang et al. [1]_ with uniform windows and sample
        covariances, averaged over all windows inside the image, all channels and all images. This
        is also the default of `skimage.metrics.structural_similarity`.

    Raises
    ------
    ValueError
        If the shapes differ, if the range is not positive, or if images are smaller than a window.

    References
    ----------
    .. [1] Wang, Bovik, Sheikh and Simoncelli (2004). Image quality assessment: from error
       visibility to structural similarity. IEEE Transactions on Image Processing 13(4).

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import ssim
    >>> images = np.random.default_rng(0).uniform(size=(2, 16, 16))
    >>> ssim(images, images)
    1.0
    >>> ssim(images, 1 - images) < 0
    True
    """
    y_true, y_pred, data_range = _check_pairs(y_true, y_pred, data_range)
    shape = find_shape(image_shape, y_true)
    x, y = (
        _as_planes(images, shape, channels, win_size) / data_range for images in (y_true, y_pred)
    )
    # from here on, arrays have one entry per window
    mean_x, mean_y = (_window_means(images, win_size) for images in (x, y))
    # sample covariances, with 1 / (n - 1), from means with 1 / n
    factor = win_size**2 / (win_size**2 - 1)
    var_x = factor * (_window_means(x * x, win_size) - mean_x**2)
    var_y = factor * (_window_means(y * y, win_size) - mean_y**2)
    cov = factor * (_window_means(x * y, win_size) - mean_x * mean_y)
    # 0.01 and 0.03 are the constants of Wang et al., for a range of 1
    similarity = (2 * mean_x * mean_y + 0.01**2) * (2 * cov + 0.03**2)
    similarity /= (mean_x**2 + mean_y**2 + 0.01**2) * (var_x + var_y + 0.03**2)
    return float(similarity.mean())


def psnr_scorer(estimator: Predictor, X: ArrayLike, y: ArrayLike) -> float:
    """Score predicted images by `psnr`, with the range of y.

    Parameters
    ----------
    estimator : fitted estimator
        Has `predict`.
    X : array-like of shape (n_samples, ...)
        Input of `predict`.
    y : array-like of shape (n_samples, ...)
        True images.

    Returns
    -------
    score : float
        In dB, the higher the better. For a fixed range, use
        ``make_scorer(psnr, data_range=1.0)``.
    """
    return psnr(y, estimator.predict(X))


def ssim_scorer(estimator: Predictor, X: ArrayLike, y: ArrayLike) -> float:
    """Score predicted images by `ssim`, with the range of y.

    Parameters
    ----------
    estimator : fitted estimator
        Has `predict`.
    X : array-like of shape (n_samples, ...)
        Input of `predict`.
    y : array-like of shape (n_samples, height, width) or (n_samples, channels, height, width)
        True images. For another layout, use a scorer such as
        ``make_scorer(ssim, channels="last")``.

    Returns
    -------
    score : float
        At most 1; the higher the better.
    """
    return ssim(y, estimator.predict(X))


def _check_pairs(
    y_true: ArrayLike, y_pred: ArrayLike, data_range: float | None
) -> tuple[NDArray, NDArray, float]:
    """Return both arrays in float64, and the range of values."""
    true, predicted = check_same_shapes(y_true, y_pred)
    if data_range is None:
        data_range = float(true.max() - true.min())
    if data_range == 0:
        raise ValueError(
            "y_true is constant, so that data_range would be 0. Set data_range, for example to 1.0 "
            "for images in [0, 1]."
        )
    return true, predicted, data_range


def check_same_shapes(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return both arrays in float64; raise ValueError if their shapes differ."""
    true, predicted = (
        check_array(as_numpy(y), dtype=np.float64, allow_nd=True, input_name=name)
        for name, y in (("y_true", y_true), ("y_pred", y_pred))
    )
    if true.shape != predicted.shape:
        raise ValueError(
            f"y_true has the shape {true.shape}, but y_pred {predicted.shape}. Both must be the "
            "same."
        )
    return true, predicted


def find_shape(image_shape: Sequence[int] | None, images: NDArray) -> tuple[int, ...]:
    """Return the shape of one image: `image_shape`, or the shape of a row if it is None."""
    if image_shape is None:
        return images.shape[1:]
    sizes = np.asarray(image_shape)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.min(initial=1) < 1:
        raise ValueError(
            "The 'image_shape' parameter must be None or a sequence of ints, all at least 1, such "
            f"as (28, 28). Got {image_shape!r} instead."
        )
    return tuple(sizes.tolist())


def _as_planes(images: NDArray, shape: tuple[int, ...], channels: str, win_size: int) -> NDArray:
    """Return all channels of all images as planes, of shape (n_planes, height, width)."""
    if len(shape) not in (2, 3) or prod(shape) != images[0].size:
        raise ValueError(
            f"y_true has rows of shape {images.shape[1:]}, which are not images of shape {shape}. "
            "Set image_shape to (height, width) or (channels, height, width), or with "
            "channels='last' (height, width, channels)."
        )
    images = images.reshape(len(images), *shape)
    if len(shape) == 3 and channels == "last":
        images = np.moveaxis(images, -1, 1)
    # (n, channels, height, width) -> (n * channels, height, width)
    planes = images.reshape(-1, *images.shape[-2:])
    if win_size % 2 == 0 or not 3 <= win_size <= min(planes.shape[1:]):
        raise ValueError(
            f"win_size must be odd, at least 3, and at most the size of the images, which is "
            f"{planes.shape[1]} x {planes.shape[2]} with channels={channels!r}. Got {win_size}."
        )
    return planes


def _window_means(planes: NDArray, size: int) -> NDArray:
    """Return the mean of every window that lies inside its plane."""
    margin = size // 2
    inside = slice(margin, -margin)
    return uniform_filter(planes, (1, size, size))[:, inside, inside]
