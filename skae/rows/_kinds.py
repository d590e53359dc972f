"""Kinds of rows: their statistics, how they are split, and the patches they are cut into."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae.networks import ImageLayout
from skae.objectives import IGNORED, Link
from skae.rows._patches import cut_patches
from skae.rows._rows import Rows, Split
from skae.rows._summaries import (
    Channels,
    ChannelsOf,
    Collected,
    Features,
    FeaturesOf,
    LabelCounts,
    Summaries,
    Summary,
)
from skae.rows._units import Units


@dataclass(frozen=True)
class RowKind(ABC):
    """Abstract base of the kinds of rows.

    Attributes
    ----------
    min_rows : int
        Smallest number of rows to learn from.
    min_sampled : int
        A sample has room for at least so many rows, even if they are large.
    """

    min_rows = 2
    min_sampled = 100

    @abstractmethod
    def check(self, rows: Rows) -> None:
        """Raise ValueError if rows that no estimator has read are not of this kind."""

    @abstractmethod
    def summarise(self, rows: Rows) -> Summaries:
        """Return the statistics of rows in memory."""

    @abstractmethod
    def begin(self, rows: Rows) -> tuple[Collected, Collected]:
        """Return empty statistics of `seen` and of `target`, in units of the first block."""

    def choose_units(self, units: Units) -> Units:
        """Return the units to work in, given those of the statistics."""
        return units

    def cut(self, rows: Rows) -> Rows:
        """Return the rows to learn from: these, or the patches that they are cut into."""
        return rows

    def find_labelled(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which rows have a label, where some may have none."""
        return np.ones(rows.n_rows, bool)

    def split(
        self, rows: Rows, share: float, random_state: np.random.RandomState, is_held_out: bool
    ) -> Split:
        """Draw the held-out rows.

        Parameters
        ----------
        rows : Rows
            Before they are cut.
        share : float
            Share of the rows that is held out.
        random_state : RandomState
        is_held_out : bool
            Whether rows are held out at all.
        """
        return split_rows(rows.n_rows, share, random_state, is_held_out)


@dataclass(frozen=True)
class TableRows(RowKind):
    """Rows of a table.

    Attributes
    ----------
    has_products : bool
        Whether products of features are summed over blocks, for the start at principal axes.
    """

    has_products: bool = True

    def check(self, rows: Rows) -> None:
        """Raise ValueError if rows are no table, or have another target than themselves."""
        check_n_axes("TableRows", "(n, n_features)", "seen", rows.seen, 2)
        # their units and starts are those of an autoencoder
        if rows.target is not rows.seen:
            raise ValueError(
                "TableRows learn a table from itself: the target of Rows must equal seen. To learn "
                "clean rows from noisy ones, change the batches of the recipe "
                "(Recipe.with_changes); to learn images from others, use ImageRows."
            )

    def summarise(self, rows: Rows) -> Summaries:
        """Return the statistics of rows in memory."""
        summary = FeaturesOf(rows.seen)
        return Summaries(summary, summary)

    def begin(self, rows: Rows) -> tuple[Collected, Collected]:
        """Return empty statistics of the features, in units of the first block."""
        summary = Features(rows.seen, self.has_products)
        return summary, summary


@dataclass(frozen=True)
class ShapeRows(TableRows):
    """Flattened images that are deformed: they are centred channel by channel.

    Attributes
    ----------
    layout : ImageLayout
    """

    has_products: bool = False
    layout: ImageLayout | None = None

    def choose_units(self, units: Units) -> Units:
        """Return the mean of every channel, which deformations do not change, and PCA's scale."""
        if self.layout is None:
            raise TypeError("The layout of images is not known before they are read.")
        shape, is_last = self.layout
        # the spatial axes
        axes = tuple(range(len(shape) - 1)) if is_last else tuple(range(1, len(shape)))
        means = units.location.reshape(shape).mean(axis=axes, keepdims=True)
        return Units(np.broadcast_to(means, shape).ravel(), units.scale)


@dataclass(frozen=True)
class MaskedShapeRows(ShapeRows):
    """Flattened images that are deformed, with a label for every pixel; some may have none."""

    def find_labelled(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which images have the label of a pixel."""
        if rows.beside is None:
            return super().find_labelled(rows)
        return (rows.beside != IGNORED).any(axis=1)

    def split(
        self, rows: Rows, share: float, random_state: np.random.RandomState, is_held_out: bool
    ) -> Split:
        """Draw the held-out rows so that both parts of the split have labelled ones."""
        split = super().split(rows, share, random_state, is_held_out)
        return spread_labels(split, self.find_labelled(rows))


@dataclass(frozen=True)
class ImageRows(RowKind):
    """Pairs of images as maps.

    Attributes
    ----------
    patch_size : int or None
        Height and width of the patches that they are cut into.
    n_classes : int, default=0
        If targets are labels of pixels, the number of classes.
    """

    patch_size: int | None = None
    n_classes: int = 0
    min_rows = 1
    min_sampled = 8

    def check(self, rows: Rows) -> None:
        """Raise ValueError if inputs and targets are no images of the same sizes."""
        for name, maps in zip(("seen", "target"), rows[:2], strict=True):
            check_n_axes("ImageRows", "(n, channels, height, width)", name, maps, 4)
        if rows.seen.shape[2:] != rows.target.shape[2:]:
            raise ValueError(
                "ImageRows need targets of the same height and width. Images are of shape "
                f"{rows.seen.shape[1:]}, and targets of shape {rows.target.shape[1:]}."
            )

    def summarise(self, rows: Rows) -> Summaries:
        """Return the statistics of images in memory."""
        seen = ChannelsOf(rows.seen)
        if rows.target is rows.seen:
            return Summaries(seen, seen)
        target: Summary = ChannelsOf(rows.target)
        if self.n_classes:
            target = LabelCounts.of(rows.target, self.n_classes)
        return Summaries(seen, target)

    def begin(self, rows: Rows) -> tuple[Collected, Collected]:
        """Return empty statistics of the channels, or empty counts of labels."""
        seen = Channels(rows.seen)
        if rows.target is rows.seen:
            return seen, seen
        return seen, LabelCounts(self.n_classes) if self.n_classes else Channels(rows.target)

    def cut(self, rows: Rows) -> Rows:
        """Return the patches of images; the patches of an image follow each other."""
        if self.patch_size is None:
            return rows
        return rows.with_arrays([cut_patches(maps, self.patch_size) for maps in rows.arrays])

    def split(
        self, rows: Rows, share: float, random_state: np.random.RandomState, is_held_out: bool
    ) -> Split:
        """Draw the held-out patches: all patches of some images, if there are enough images."""
        n_images, n_patches = rows.n_rows, self._count_patches(rows)
        if n_patches == 1 or share * n_images < 1:
            return split_rows(n_images * n_patches, share, random_state, is_held_out)
        # places of patches, a line for each image: patches of one image are too alike to be split
        patches = np.arange(n_images * n_patches).reshape(n_images, n_patches)
        train, valid = split_rows(n_images, share, random_state, is_held_out)
        shuffled = [random_state.permutation(patches[part].ravel()) for part in (train, valid)]
        return Split(*shuffled)

    def _count_patches(self, rows: Rows) -> int:
        if self.patch_size is None:
            return 1
        return self.cut(rows.take(slice(1))).n_rows


def check_n_axes(kind: str, shape: str, name: str, array: NDArray, n_axes: int) -> None:
    """Raise ValueError if a part of the rows has another number of axes."""
    if array.ndim != n_axes:
        raise ValueError(
            f"{kind} need arrays of shape {shape}. The {name} of Rows has shape {array.shape}."
        )


class Description(NamedTuple):
    """The decisions of an estimator about rows that were read.

    Attributes
    ----------
    kind : RowKind
    link : Link
        The meaning of the network's output.
    """

    kind: RowKind
    link: Link


def split_rows(
    n_rows: int, share: float, random_state: np.random.RandomState, is_held_out: bool
) -> Split:
    """Return the rows to learn from and the held-out rows, drawn at random.

    Raises
    ------
    ValueError
        If no row is left to learn from.
    """
    n_valid = ceil(share * n_rows) if is_held_out else 0
    if n_valid == n_rows == 1:
        raise ValueError(
            "With n_samples=1, there is nothing to hold out for early stopping. Set "
            "early_stopping=False."
        )
    if n_valid == n_rows:
        raise ValueError(
            f"With validation_fraction={share} and n_samples={n_rows}, no row is left to train "
            "on. Lower validation_fraction, or set early_stopping=False."
        )
    order = random_state.permutation(n_rows)
    return Split(order[n_valid:], order[:n_valid])


def spread_labels(split: Split, is_labelled: NDArray[np.bool_]) -> Split:
    """Exchange rows of a split so that both parts have labelled ones; their sizes stay.

    Parameters
    ----------
    split : Split
    is_labelled : array of bool of shape (n_samples,)
        A single labelled row is learned from.
    """
    n, n_valid, n_labelled = len(is_labelled), len(split.valid), int(is_labelled.sum())
    if not n_valid or n_labelled == n:
        return split
    wanted = max(1, round(n_valid * n_labelled / n))
    # enough that the unlabelled rows can fill the rest, and one is left to learn from
    n_held_out = min(max(wanted, n_valid - (n - n_labelled)), n_labelled - 1)
    order = np.concatenate([split.valid, split.train])
    # places in `order`, where held-out rows come first: few rows change sides
    labelled, others = np.flatnonzero(is_labelled[order]), np.flatnonzero(~is_labelled[order])
    is_valid = np.zeros(n, bool)
    is_valid[labelled[:n_held_out]] = True
    is_valid[others[: n_valid - n_held_out]] = True
    return Split(order[~is_valid], order[is_valid])
