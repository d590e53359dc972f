"""Masks that are learned from, in any layout."""

from math import prod
from typing import Any

import numpy as np
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


def spread_labels(train: NDArray, valid: NDArray, is_labelled: NDArray) -> tuple[NDArray, NDArray]:
    """Return as many images to learn from, and held out, with labelled ones on both sides.

    Parameters
    ----------
    train, valid : array of int
        In random order.
    is_labelled : array of bool of shape (n_samples,)
        If one alone is, it is learned from.
    """
    n, n_valid, n_labelled = len(is_labelled), len(valid), int(is_labelled.sum())
    if not n_valid or n_labelled == n:
        return train, valid
    wanted = max(1, round(n_valid * n_labelled / n))
    n_held_out = min(max(wanted, n_valid - (n - n_labelled)), n_labelled - 1)
    order = np.concatenate([valid, train])
    # places in the order of the labelled ones, and of the others
    labelled, others = np.flatnonzero(is_labelled[order]), np.flatnonzero(~is_labelled[order])
    is_valid = np.zeros(n, bool)
    is_valid[labelled[:n_held_out]] = True
    is_valid[others[: n_valid - n_held_out]] = True
    return order[~is_valid], order[is_valid]
