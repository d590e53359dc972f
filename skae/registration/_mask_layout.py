"""Masks that are learned from, in any layout."""

from math import prod
from typing import Any

from numpy.typing import NDArray

from skae.rows._masks import read_labels


def read_masks(y: Any, estimator: Any, n: int, sizes: tuple[int, ...]) -> NDArray:
    """Return the label of every pixel of images in the layout that `y` has.

    Raises
    ------
    ValueError
        If they are missing, no labels, or if there is not one for every pixel.
    """
    y = read_labels(y, estimator)
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
    if y.shape[1:] not in (sizes, (1, *sizes), (*sizes, 1), (prod(sizes),)):
        raise ValueError(
            f"y has rows of shape {y.shape[1:]}, but masks have one label for every pixel of X: "
            f"rows of shape {sizes}, {(1, *sizes)} or, flattened, {(prod(sizes),)}. If the images "
            "of X have other sizes than these, set image_shape."
        )
    return y
