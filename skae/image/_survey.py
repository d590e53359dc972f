"""What one pass over blocks of images finds."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Moments
from skae.image._image_format import as_pixels
from skae.image._records import as_patches, take_apart
from skae.rows._reader import Block, Reader
from skae.rows._sample import Sample
from skae.rows._units import Units

MIN_SAMPLED = 8
"""Images or patches, however large they are."""
PIXELS_AT_ONCE = 2**20


class Summary(ABC):
    """What is known of the images so far."""

    @abstractmethod
    def add(self, maps: NDArray) -> None:
        """Take note of more images, shape (n, n_channels, height, width)."""

    @property
    @abstractmethod
    def units(self) -> Units:
        """The units in which they are learned, by channel."""


class Channels(Summary):
    """Means, variances and ranges of the channels.

    Parameters
    ----------
    maps : array of shape (n, n_channels, height, width)
        Some of the images, in whose units nothing cancels or overflows; they are not added.
    """

    def __init__(self, maps: NDArray) -> None:
        pixels = as_pixels(maps)
        self.base = Units.of(pixels)
        self.low = self.high = pixels[0]
        self.moments = Moments.none(pixels.shape[1], has_products=False)

    def add(self, maps: NDArray) -> None:
        """Take note of more images."""
        pixels = as_pixels(maps)
        self.low = np.minimum(self.low, pixels.min(axis=0))
        self.high = np.maximum(self.high, pixels.max(axis=0))
        for first in range(0, len(pixels), PIXELS_AT_ONCE):
            self.moments.add(self.base.enter(pixels[first : first + PIXELS_AT_ONCE]))

    @property
    def units(self) -> Units:
        """The mean of every channel, and one scale for all."""
        units = Units.of_moments(self.moments, self.base, self.low, self.high)
        return units._replace(location=units.location.reshape(-1, 1, 1))


class ImageSurvey(NamedTuple):
    """What is known of all pairs of images, and some of them.

    Attributes
    ----------
    records : array of shape (n_sampled,)
        A random sample of the images, or of their patches, with what belongs to them.
    train, valid : array of int
        Those to learn from and those held out, each in random order.
    seen, target : Summary
        Of all images of X and of y; the same one where y is X.
    n_train : int
        Images or patches to learn from.
    """

    records: NDArray
    train: NDArray[np.intp]
    valid: NDArray[np.intp]
    seen: Channels
    target: Summary
    n_train: int


class ImageSurveyor:
    """Goes over blocks of pairs of images once.

    Parameters
    ----------
    reader : Reader
        Of records.
    make_summary : callable
        From some targets to the summary of all.
    patch_size : int or None
    seed : int
        Draws the sample.
    """

    def __init__(
        self,
        reader: Reader,
        make_summary: Callable[[NDArray], Summary],
        patch_size: int | None,
        seed: int,
    ) -> None:
        self.reader = reader
        self.make_summary = make_summary
        self.patch_size = patch_size
        self.seed = seed

    def survey(self) -> ImageSurvey:
        """Return what there is.

        Raises
        ------
        ValueError
            If a block cannot be used, or if there is nothing to learn from.
        """
        self.reader.survey(self._begin, self._add)
        if self.n_valid == 0 and self.reader.held_out.share:
            raise ValueError(
                "There is a single image (n_samples=1), and none can be held out. Give more, or "
                "set early_stopping=False."
            )
        records, _, train, valid = self.sample.take()
        return ImageSurvey(records, train, valid, self.seen, self.target, self.n_train)

    def _begin(self, block: Block) -> None:
        X, y = take_apart(block.X)
        rows = as_patches(block, self.patch_size)
        self.n_train = self.n_valid = 0
        self.seen: Channels = Channels(X)
        self.target: Summary = self.seen if y is X else self.make_summary(y)
        has_valid = self.reader.held_out.share > 0
        self.sample = Sample(rows.X, MIN_SAMPLED, has_valid, self.seed)

    def _add(self, block: Block) -> None:
        X, y = take_apart(block.X)
        rows = as_patches(block, self.patch_size)
        self.seen.add(X)
        if self.target is not self.seen:
            self.target.add(y)
        self.sample.add(rows)
        self.n_valid += int(rows.is_held_out.sum())
        self.n_train += int((~rows.is_held_out).sum())
