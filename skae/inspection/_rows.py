"""What the numbers of a row are to each other: an image, a signal, or features of a table."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import FunctionTransformer

from skae._arrays import as_numpy
from skae._pipelines import steps_of
from skae.inspection._axes import Names

CHANNELS = (1, 3, 4)
"""Numbers of channels that can be drawn: grey, RGB and RGBA."""


class RowLayout(NamedTuple):
    """How the numbers of a row lie.

    Attributes
    ----------
    shape : tuple of int
    channel_axis : {0, -1} or None
        Where the channels are, if there are any.
    """

    shape: tuple[int, ...]
    channel_axis: int | None = None

    def arrange(self, rows: NDArray) -> NDArray:
        """Return rows as they are drawn, as `arrange_rows` does."""
        rows = rows.reshape(len(rows), *self.shape)
        if self.channel_axis is None:
            return rows
        axis = self.channel_axis % len(self.shape) + 1
        if len(self.shape) == 2:
            return np.moveaxis(rows, axis, 1).reshape(len(rows), -1)
        images = np.moveaxis(rows, axis, -1)
        if len(self.shape) == 4:
            images = images[:, images.shape[1] // 2]
        if images.shape[-1] not in CHANNELS:
            raise ValueError(
                f"Images with {images.shape[-1]} channels cannot be drawn. Wanted are 1, 3 or 4; "
                "give rows with a part of the channels."
            )
        return images[..., 0] if images.shape[-1] == 1 else images


def arrange_rows(rows: Any, estimator: Any, image_shape: Sequence[int] | None) -> NDArray:
    """Return rows as they are drawn, in float64.

    Parameters
    ----------
    rows : array-like of shape (n_samples, ...)
    estimator : fitted estimator
        A ConvAutoencoder knows what its rows are, also in a Pipeline, behind steps that scale
        features one by one.
    image_shape : sequence of int or None
        As a user gives it. None: what the estimator knows, or what the shape of the rows tells.

    Returns
    -------
    rows : ndarray of shape (n_samples, n_features), (n_samples, height, width) or \
            (n_samples, height, width, 3 or 4)
        Channels of signals follow each other; of volumes there is the slice in the middle.

    Raises
    ------
    ValueError
        If `image_shape` is not the shape of an image, or has another size than a row.
    """
    rows = np.asarray(as_numpy(rows), dtype=np.float64)
    n_features = prod(rows.shape[1:])
    if image_shape is not None:
        return _read_shape(image_shape, n_features).arrange(rows)
    layout = _known_layout(estimator, n_features)
    if layout is None:
        layout = RowLayout(rows.shape[1:]) if rows.ndim == 2 else _find_channels(rows.shape[1:])
    return layout.arrange(rows)


def are_images(rows: NDArray) -> bool:
    """Whether arranged rows are images."""
    return rows.ndim > 2


def find_feature_names(
    estimator: Any, rows: NDArray, given: Names | None = None
) -> list[str] | None:
    """Return names of the features of arranged rows, if they have some.

    Parameters
    ----------
    estimator : fitted estimator
        Knows the names that they had in `fit`.
    rows : array of shape (n_samples, ...)
    given : sequence of str or None
        What a user calls them.

    Raises
    ------
    ValueError
        If not as many names are given as there are features.
    """
    if are_images(rows):
        return None
    n_features = rows.shape[1]
    if given is not None and len(given) != n_features:
        raise ValueError(
            f"feature_names must have {n_features} names, one per feature. Got {len(given)}."
        )
    names = getattr(estimator, "feature_names_in_", None) if given is None else given
    return None if names is None or len(names) != n_features else [str(name) for name in names]


def find_inner_names(steps: Sequence[Any]) -> list[str] | None:
    """Return names of the features that the last of fitted steps sees.

    They have some if those of the first step do, and if every step on the way can tell what it
    makes of them.
    """
    *before, last = steps
    names = getattr(last, "feature_names_in_", None)
    if names is None and before:
        names = getattr(before[0], "feature_names_in_", None)
        for step in before:
            if names is None:
                break
            names = _names_behind(step, names)
    return None if names is None else [str(name) for name in names]


def _names_behind(step: Any, names: NDArray) -> NDArray | None:
    """Return names of what a step makes of features, if it knows."""
    try:
        return step.get_feature_names_out(names)
    except (AttributeError, ValueError):
        return None


def _known_layout(estimator: Any, n_features: int) -> RowLayout | None:
    """Return the layout that a step of the estimator knows, if it sees the features of the rows."""
    for step in steps_of(estimator):
        shape = getattr(step, "image_shape_", None)
        if shape is not None and prod(shape) == n_features:
            return RowLayout(tuple(shape), -1 if step.channels == "last" else 0)
        # a function may give rows their shape; others mix features
        if not isinstance(step, OneToOneFeatureMixin | FunctionTransformer):
            return None
    return None


def _read_shape(image_shape: Any, n_features: int) -> RowLayout:
    sizes = np.asarray(image_shape)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.min(initial=1) < 1:
        raise ValueError(
            "image_shape must be a sequence of ints such as (height, width). Got "
            f"{image_shape!r} instead."
        )
    shape = tuple(int(size) for size in sizes)
    if prod(shape) != n_features:
        raise ValueError(
            f"image_shape={shape} has {prod(shape)} numbers, but a row has {n_features}. Give the "
            "shape of one row as an image."
        )
    return _find_channels(shape)


def _find_channels(shape: tuple[int, ...]) -> RowLayout:
    """Return the layout of images of a shape, with channels first or last if they have some."""
    if len(shape) == 2:
        return RowLayout(shape)
    if len(shape) == 3 and shape[-1] in CHANNELS:
        return RowLayout(shape, -1)
    if len(shape) == 3 and shape[0] in CHANNELS:
        return RowLayout(shape, 0)
    raise ValueError(
        f"Images of shape {shape} cannot be drawn. Wanted is (height, width), (height, width, "
        "channels) or (channels, height, width), with 1, 3 or 4 channels."
    )
