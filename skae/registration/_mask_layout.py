"""Masks to learn from, in any layout."""

from math import prod

from numpy.typing import NDArray

from skae.rows._masks import read_labels


def read_masks(given: object, estimator: object, n: int, sizes: tuple[int, ...]) -> NDArray:
    """Return the labels of all pixels of images, in the layout of the array that was given.

    Raises
    ------
    ValueError
        If labels are missing, if they are not valid, or if there is not one for every pixel.
    """
    y = read_labels(given, estimator)
    if y.ndim == 1:
        raise ValueError(
            "y has one label for every image, but one for every pixel is wanted: an array of shape "
            f"{(n, *sizes)}. For classes of images, use GeoSICClassifier."
        )
    if len(y) != n:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n} images, y has "
            f"{len(y)}. Give one mask for every image."
        )
    # a mask may have an axis of one channel, first or last, or be flattened
    if y.shape[1:] not in (sizes, (1, *sizes), (*sizes, 1), (prod(sizes),)):
        raise ValueError(
            f"y has rows of shape {y.shape[1:]}, but masks have one label for every pixel of X: "
            f"rows of shape {sizes}, {(1, *sizes)} or, flattened, {(prod(sizes),)}. If the images "
            "of X have other sizes than these, set image_shape."
        )
    return y
