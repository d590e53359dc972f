"""Votes of labelled images on the labels of pixels."""

from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.nn.functional import one_hot

from skae.registration._fields import warp


class LabelMaps(NamedTuple):
    """The share of images that have each label, at every pixel.

    Attributes
    ----------
    names : array of shape (n_labels,)
    shares : Tensor of shape (1, n_labels, *sizes)
        Shares of the labels, which sum to 1 at every pixel.
    """

    names: NDArray
    shares: torch.Tensor

    @classmethod
    def of(cls, labels: NDArray, displacement: NDArray) -> Self:
        """Return the votes of labelled images of shape (n, *sizes), after warping each of them."""
        names, numbers = np.unique(labels, return_inverse=True)
        images = torch.from_numpy(numbers.reshape(labels.shape))
        total: Any = 0.0
        for image, field in zip(images, torch.from_numpy(displacement), strict=True):
            # one image at a time bounds the memory: (*sizes) -> (1, n_labels, *sizes)
            indicators = one_hot(image, len(names)).movedim(-1, 0)[None].to(field)
            total = total + warp(indicators, field[None])
        return cls(names, total / len(labels))

    def warp(self, displacement: NDArray) -> NDArray:
        """Return the most frequent label at every pixel, shape (n, *sizes)."""
        # shares are warped, since labels cannot be interpolated
        winners = [
            warp(self.shares.to(field), field[None]).argmax(1)
            for field in torch.from_numpy(displacement)
        ]
        return self.names[torch.cat(winners).numpy()]


class Voters(NamedTuple):
    """Labelled images that vote on the labels of other images, in the frame of an atlas.

    Attributes
    ----------
    labels : array of shape (n, *sizes)
    displacement : array of shape (n, n_dims, *sizes)
        Displacements that warp them to the atlas.
    places : array of shape (n,), of int
        The index of the atlas of every image.
    """

    labels: NDArray
    displacement: NDArray
    places: NDArray

    def label(self, displacement: NDArray, places: NDArray) -> NDArray:
        """Return the labels of other images, given their displacements and their atlases.

        Raises
        ------
        ValueError
            If no labelled image has the atlas of an image.
        """
        found = np.empty((len(places), *self.labels.shape[1:]), self.labels.dtype)
        for place in np.unique(places):
            votes, is_here = self.places == place, places == place
            if not votes.any():
                raise ValueError(
                    f"X has images of atlas_[{place}], of which X_labelled has none. Give labelled "
                    "images of every class."
                )
            maps = LabelMaps.of(self.labels[votes], self.displacement[votes])
            found[is_here] = maps.warp(displacement[is_here])
        return found


def read_labels(labels: ArrayLike, shape: tuple[int, ...], whose: str) -> NDArray:
    """Return labels as an array of this shape.

    Parameters
    ----------
    labels : array-like
    shape : tuple of int
    whose : str
        Name of the labelled images, for messages.

    Raises
    ------
    ValueError
        If the shape is another one, or if an entry is not a valid label.
    """
    array = np.asarray(labels)
    if array.shape != shape:
        raise ValueError(
            f"labels must have the shape of the pixels of {whose}, {shape}. Got {array.shape} "
            "instead."
        )
    is_number = array.dtype.kind in "biuf"
    if not is_number and array.dtype.kind not in "OUS":
        raise ValueError(f"labels must be numbers or strings. Got dtype {array.dtype} instead.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("Input labels contains NaN or infinity.")
    return array
