"""Statistics of all rows: units, ranges, moments and counts; of arrays, or of blocks."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from skae.blocks import Moments
from skae.engine import Peers
from skae.objectives import IGNORED
from skae.rows._units import Units

MAX_PRODUCTS = 2000
"""Products of features are summed for at most this many features: n have n**2 products."""
ENTRIES_AT_ONCE = 10**6
PIXELS_AT_ONCE = 2**20


class Summary(ABC):
    """Statistics of one array of rows."""

    @property
    @abstractmethod
    def units(self) -> Units:
        """The units in which a network learns these rows."""

    @property
    @abstractmethod
    def low(self) -> NDArray:
        """The smallest value of every feature, or of every channel with shape (n, 1, 1)."""

    @property
    @abstractmethod
    def high(self) -> NDArray:
        """The largest value of every feature, or of every channel."""


class Collected(Summary):
    """Statistics that are collected block by block."""

    @abstractmethod
    def add(self, values: NDArray, is_held_out: NDArray[np.bool_]) -> None:
        """Add the rows of a block."""

    @abstractmethod
    def joined(self, peers: Peers) -> Self:
        """Return the statistics of the rows of all processes."""


class Summaries(NamedTuple):
    """The statistics of the network's input, and of the target of its output.

    Attributes
    ----------
    seen, target : Summary
        May be the same object.
    """

    seen: Summary
    target: Summary


class FeaturesOf(Summary):
    """Statistics of the features of a table in memory, computed when they are first used.

    Parameters
    ----------
    X : array of shape (n, n_features)
    """

    def __init__(self, X: NDArray) -> None:
        self.X = X

    @cached_property
    def units(self) -> Units:
        """Feature means, and the root-mean-square deviation from them."""
        return Units.of(self.X)

    @cached_property
    def low(self) -> NDArray:
        """The smallest value of every feature."""
        return self.X.min(axis=0)

    @cached_property
    def high(self) -> NDArray:
        """The largest value of every feature."""
        return self.X.max(axis=0)


class ChannelsOf(Summary):
    """Statistics of the channels of images in memory, computed when they are first used.

    Parameters
    ----------
    maps : array of shape (n, n_channels, height, width)
    """

    def __init__(self, maps: NDArray) -> None:
        self.maps = maps

    @cached_property
    def units(self) -> Units:
        """The mean of every channel, and one scale for all."""
        return _as_channels(Units.of(as_pixels(self.maps)))

    @cached_property
    def low(self) -> NDArray:
        """The smallest value of every channel, shape (n_channels, 1, 1)."""
        return self.maps.min(axis=(0, 2, 3))[:, None, None]

    @cached_property
    def high(self) -> NDArray:
        """The largest value of every channel, shape (n_channels, 1, 1)."""
        return self.maps.max(axis=(0, 2, 3))[:, None, None]


class Features(Collected):
    """Statistics of the features of a table that is read block by block.

    Moments are summed in units of the first block: no digits cancel, and no square overflows.

    Parameters
    ----------
    X : array of shape (n, n_features)
        Rows of the first block. They are not added here.
    has_products : bool
        Whether products of features are summed, from which principal axes are computed.
    """

    def __init__(self, X: NDArray, has_products: bool) -> None:
        n_features = X.shape[1]
        self.base = Units.of(X)
        self._low = self._high = X[0]
        is_summed = has_products and n_features <= MAX_PRODUCTS
        self.train = Moments.none(n_features, is_summed)
        self.valid = Moments.none(n_features, is_summed)

    def add(self, values: NDArray, is_held_out: NDArray[np.bool_]) -> None:
        """Add the rows of a block."""
        self._low = np.minimum(self._low, values.min(axis=0))
        self._high = np.maximum(self._high, values.max(axis=0))
        step = max(1, ENTRIES_AT_ONCE // values.shape[1])
        for is_meant, moments in (~is_held_out, self.train), (is_held_out, self.valid):
            rows = np.flatnonzero(is_meant)
            for first in range(0, len(rows), step):
                moments.add(self.base.enter(values[rows[first : first + step]]))

    @cached_property
    def of_all(self) -> Moments:
        """Moments of all rows, in units of the first block. Cached: add no rows afterwards."""
        return self.train.joined(self.valid)

    @property
    def units(self) -> Units:
        """Feature means, and the root-mean-square deviation from them."""
        return Units.of_moments(self.of_all, self.base, self.low, self.high)

    @property
    def low(self) -> NDArray:
        """The smallest value of every feature."""
        return self._low

    @property
    def high(self) -> NDArray:
        """The largest value of every feature."""
        return self._high

    def moments_in(self, units: Units) -> tuple[Moments, Moments] | None:
        """Return moments of training rows and of all rows; None if products were not summed."""
        # sums of squares have shape (n_features,), products (n_features, n_features)
        if self.of_all.scatter.ndim == 1:
            return None
        location = (units.location - self.base.location) / self.base.scale
        scale = units.scale / self.base.scale
        return self.train.entered(location, scale), self.of_all.entered(location, scale)

    def joined(self, peers: Peers) -> "Features":
        """Return the statistics of the rows of all processes."""
        # `__init__` would need rows
        joined = object.__new__(Features)
        joined.base = peers.broadcast(self.base)
        of_all = join_moments(self.of_all, self.base, joined.base, peers)
        joined.train = join_moments(self.train, self.base, joined.base, peers)
        joined.of_all = of_all
        # moments of held-out rows are of no use after this: they are part of `of_all`
        joined.valid = self.valid
        joined._low, joined._high = join_ranges(self.low, self.high, peers)
        return joined


class Channels(Collected):
    """Statistics of the channels of images that are read block by block.

    Parameters
    ----------
    maps : array of shape (n, n_channels, height, width)
        Images of the first block. They are not added here.
    """

    def __init__(self, maps: NDArray) -> None:
        pixels = as_pixels(maps)
        self.base = Units.of(pixels)
        self._low = self._high = pixels[0]
        self.moments = Moments.none(pixels.shape[1], has_products=False)

    def add(self, values: NDArray, is_held_out: NDArray[np.bool_]) -> None:
        """Add the images of a block."""
        pixels = as_pixels(values)
        self._low = np.minimum(self._low, pixels.min(axis=0))
        self._high = np.maximum(self._high, pixels.max(axis=0))
        for first in range(0, len(pixels), PIXELS_AT_ONCE):
            self.moments.add(self.base.enter(pixels[first : first + PIXELS_AT_ONCE]))

    @property
    def units(self) -> Units:
        """The mean of every channel, and one scale for all."""
        return _as_channels(Units.of_moments(self.moments, self.base, self._low, self._high))

    @property
    def low(self) -> NDArray:
        """The smallest value of every channel, shape (n_channels, 1, 1)."""
        return self._low[:, None, None]

    @property
    def high(self) -> NDArray:
        """The largest value of every channel, shape (n_channels, 1, 1)."""
        return self._high[:, None, None]

    def joined(self, peers: Peers) -> "Channels":
        """Return the statistics of the images of all processes."""
        joined = object.__new__(Channels)
        joined.base = peers.broadcast(self.base)
        joined.moments = join_moments(self.moments, self.base, joined.base, peers)
        joined._low, joined._high = join_ranges(self._low, self._high, peers)
        return joined


class LabelCounts(Collected):
    """The number of pixels of every class.

    Parameters
    ----------
    n_classes : int
    """

    def __init__(self, n_classes: int) -> None:
        self.counts = np.zeros(n_classes, np.intp)

    @classmethod
    def of(cls, places: NDArray, n_classes: int) -> "LabelCounts":
        """Return the counts of an array in memory."""
        counts = cls(n_classes)
        counts.add(places, np.zeros(len(places), bool))
        return counts

    def add(self, values: NDArray, is_held_out: NDArray[np.bool_]) -> None:
        """Add images whose values are places of classes; ignored pixels do not count."""
        kept = values[values != IGNORED].astype(np.intp, copy=False)
        self.counts = self.counts + np.bincount(kept, minlength=len(self.counts))

    @property
    def units(self) -> Units:
        """Units that change nothing: labels are learned as they are."""
        return Units(np.zeros((1, 1, 1)), 1.0)

    @property
    def low(self) -> NDArray:
        """The smallest label."""
        return np.zeros((1, 1, 1))

    @property
    def high(self) -> NDArray:
        """The largest label."""
        return np.full((1, 1, 1), len(self.counts) - 1.0)

    def joined(self, peers: Peers) -> "LabelCounts":
        """Return the counts of all processes."""
        joined = LabelCounts(len(self.counts))
        joined.counts = np.sum(peers.gather(self.counts), axis=0)
        return joined


def as_pixels(maps: NDArray) -> NDArray:
    """Return maps as an array of shape (n_pixels, n_channels)."""
    # (n, n_channels, *sizes) -> (n, *sizes, n_channels) -> (n_pixels, n_channels)
    return np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])


def _as_channels(units: Units) -> Units:
    """Return units of pixels as units of maps, with a location of shape (n_channels, 1, 1)."""
    return units._replace(location=units.location.reshape(-1, 1, 1))


def join_moments(moments: Moments, own: Units, base: Units, peers: Peers) -> Moments:
    """Return the moments of all rows (Chan, Golub and LeVeque 1983, for many samples at once)."""
    moments = moments.entered((base.location - own.location) / own.scale, base.scale / own.scale)
    parts = peers.gather((moments.n_rows, moments.mean))
    n_rows = sum(n for n, _ in parts)
    mean = sum(n * part for n, part in parts) / max(1, n_rows)
    shift = moments.mean - mean
    is_matrix = moments.scatter.ndim == 2
    between = moments.n_rows * (np.outer(shift, shift) if is_matrix else shift**2)
    # the sum over processes of scatters about the common mean
    scatter = torch.from_numpy(moments.scatter + between)
    peers.add_(scatter)
    return Moments(n_rows, mean, scatter.numpy())


def join_ranges(low: NDArray, high: NDArray, peers: Peers) -> tuple[NDArray, NDArray]:
    """Return the smallest and largest values of all processes."""
    ranges = peers.gather((low, high))
    return np.min([low for low, _ in ranges], axis=0), np.max([high for _, high in ranges], axis=0)
