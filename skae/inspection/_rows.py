"""The layout of a row for drawing: an image, a signal, or the features of a table."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import FunctionTransformer

from skae._arrays import as_numpy
from skae._pipelines import steps_of
from skae.inspection._axes import Names

CHANNELS = (1, 3, 4)
"""Numbers of channels of images that can be drawn: grey, RGB and RGBA."""


class RowLayout(NamedTuple):
    """The shape of a row.

    Attributes
    ----------
    shape : tuple of int
        The shape with channels, if there are any.
    channel_axis : {0, -1} or None
        The axis of the channels; None if there are none.
    """

    shape: tuple[int, ...]
    channel_axis: int | None = None

    def arrange(self, rows: NDArray) -> NDArray:
        """Return flat or shaped rows in the shape in which they are drawn, see `arrange_rows`."""
        rows = rows.reshape(len(rows), *self.shape)
        if self.channel_axis is None:
            return rows
        # axis 0 of the array counts the rows
        axis = self.channel_axis % len(self.shape) + 1
        # signals: (n, channels, length) -> (n, channels * length)
        if len(self.shape) == 2:
            return np.moveaxis(rows, axis, 1).reshape(len(rows), -1)
        images = np.moveaxis(rows, axis, -1)
        # volumes, (n, depth, height, width, channels): the middle slice is drawn
        if len(self.shape) == 4:
            images = images[:, images.shape[1] // 2]
        if images.shape[-1] not in CHANNELS:
            raise ValueError(
                f"Images with {images.shape[-1]} channels cannot be drawn. Give rows with 1, 3 or "
                "4 of the channels."
            )
        return images[..., 0] if images.shape[-1] == 1 else images


def arrange_rows(rows: ArrayLike, estimator: object, image_shape: Sequence[int] | None) -> NDArray:
    """Return rows in the shape in which they are drawn, in float64.

    Parameters
    ----------
    rows : array-like of shape (n_samples, ...)
    estimator : fitted estimator
        A ConvAutoencoder knows the shape of its rows. In a Pipeline, this is also used if the steps
        before it scale features one by one.
    image_shape : sequence of int or None
        The user's choice. None: the shape that the estimator knows, or else the shape of `rows`.

    Returns
    -------
    rows : ndarray of shape (n_samples, n_features), (n_samples, height, width) or \
            (n_samples, height, width, 3 or 4)
        Channels of signals are put one after the other, and volumes are cut to the middle slice.

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
    """Return whether rows from `arrange_rows` are images."""
    return rows.ndim > 2


def find_feature_names(
    estimator: object, rows: NDArray, given: Names | None = None
) -> list[str] | None:
    """Return the names of the features of rows, or None if there are none.

    Parameters
    ----------
    estimator : fitted estimator
        Its `feature_names_in_` are used if the user gives no names.
    rows : array of shape (n_samples, ...)
        Rows from `arrange_rows`; images have no names.
    given : sequence of str or None
        Names that the user gives.

    Raises
    ------
    ValueError
        If the number of given names is not that of the features.
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
    """Return the names of the features that the last of the fitted steps was given, or None.

    They are derived from the names that the first step was fitted with, if every step before the
    last has `get_feature_names_out`.
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
    """Return the names of the output features of a step, or None if it does not know them."""
    try:
        return step.get_feature_names_out(names)
    except (AttributeError, ValueError):
        return None


def _known_layout(estimator: object, n_features: int) -> RowLayout | None:
    """Return the layout from a step that was fitted to images with the features of these rows."""
    for step in steps_of(estimator):
        shape = getattr(step, "image_shape_", None)
        if shape is not None and prod(shape) == n_features:
            return RowLayout(tuple(shape), -1 if step.channels == "last" else 0)
        # behind steps that mix features, pixels of a later step are not those of the rows
        if not isinstance(step, OneToOneFeatureMixin | FunctionTransformer):
            return None
    return None


def _read_shape(image_shape: Sequence[int], n_features: int) -> RowLayout:
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
            "shape of one row as an image, channels included."
        )
    return _find_channels(shape)


def _find_channels(shape: tuple[int, ...]) -> RowLayout:
    """Return the layout of images of this shape, which may have channels first or last."""
    if len(shape) == 2:
        return RowLayout(shape)
    if len(shape) == 3 and shape[-1] in CHANNELS:
        return RowLayout(shape, -1)
    if len(shape) == 3 and shape[0] in CHANNELS:
        return RowLayout(shape, 0)
    raise ValueError(
        f"Images of shape {shape} cannot be drawn. The shape must be (height, width), (height, "
        "width, channels) or (channels, height, width), with 1, 3 or 4 channels."
    )
