"""Labels of pixels, and how they are moved."""

from math import prod
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import one_hot

from skae.estimators._masks import read_labels
from skae.registration._fields import warp


class LabelMaps(NamedTuple):
    """For every label, how many of some images have it at a pixel.

    Attributes
    ----------
    names : array of shape (n_labels,)
    shares : Tensor of shape (1, n_labels, *sizes)
        They sum to 1.
    """

    names: NDArray
    shares: torch.Tensor

    @classmethod
    def of(cls, labels: NDArray, displacement: NDArray) -> Self:
        """Return the votes of labelled images of shape (n, *sizes), each of which is warped."""
        names, numbers = np.unique(labels, return_inverse=True)
        images = torch.from_numpy(numbers.reshape(labels.shape))
        total: Any = 0.0
        for image, field in zip(images, torch.from_numpy(displacement), strict=True):
            indicators = one_hot(image, len(names)).movedim(-1, 0)[None].to(field)
            total = total + warp(indicators, field[None])
        return cls(names, total / len(labels))

    def warp(self, displacement: NDArray) -> NDArray:
        """Return the most frequent label at every pixel, shape (n, *sizes)."""
        winners = [
            warp(self.shares.to(field), field[None]).argmax(1)
            for field in torch.from_numpy(displacement)
        ]
        return self.names[torch.cat(winners).numpy()]


def read_known_labels(labels: Any, n: tuple[int, ...], sizes: tuple[int, ...]) -> NDArray:
    """Return labels as an array of shape (n_images, *sizes).

    Parameters
    ----------
    labels : array-like of shape (*n, *sizes)
    n : tuple of int
        The number of images, or nothing where there is only one.
    sizes : tuple of int

    Raises
    ------
    ValueError
        If the shape is another one, or if these are no labels.
    """
    array = np.asarray(labels)
    if array.shape != (*n, *sizes):
        whose = "the images of X_labelled" if n else "the atlas"
        raise ValueError(
            f"labels must have the shape of the pixels of {whose}, {(*n, *sizes)}. Got "
            f"{array.shape} instead."
        )
    is_number = array.dtype.kind in "biuf"
    if not is_number and array.dtype.kind not in "OUS":
        raise ValueError(f"labels must be numbers or strings. Got dtype {array.dtype} instead.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("Input labels contains NaN or infinity.")
    return array.reshape(-1, *sizes)


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
            f"rows of shape {sizes}, {(1, *sizes)} or, flattened, {(prod(sizes),)}."
        )
    return y
