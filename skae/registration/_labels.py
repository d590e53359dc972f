"""Labels of pixels, and how they are moved."""

from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import one_hot

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


def read_labels(labels: Any, n: tuple[int, ...], sizes: tuple[int, ...]) -> NDArray:
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
