"""Arrays of images, and which of their axes are what."""

from collections.abc import Sequence
from math import prod
from typing import Any
from warnings import warn

import numpy as np

from skae.networks import ImageLayout

COLORS = (1, 3, 4)
"""Numbers of channels that pictures have."""


def find_layout(row: tuple[int, ...], image_shape: Any, channels: str) -> ImageLayout:
    """Return how rows of an array are images.

    Parameters
    ----------
    row : tuple of int
        Shape of one row of X.
    image_shape : None or sequence of int
        Channels and one to three spatial sizes, in the order of X. None: to be told from `row`.
    channels : {"first", "last"}

    Raises
    ------
    ValueError
        If they contradict each other.
    """
    is_last = channels == "last"
    shape = _guess_shape(row, is_last) if image_shape is None else _check_shape(image_shape)
    layout = ImageLayout(shape, is_last)
    _check_matches(row, layout)
    _check_channels(layout)
    return layout


def accepts(row: tuple[int, ...], layout: ImageLayout) -> bool:
    """Whether rows of this shape are such images: flat, as they are, or without a lone channel."""
    shapes = [(prod(layout.shape),), layout.shape]
    if layout.n_channels == 1:
        shapes.append(layout.spatial)
    return row in shapes


def _guess_shape(row: tuple[int, ...], is_last: bool) -> tuple[int, ...]:
    """Return the shape of an image where only that of a row is known."""
    if len(row) > 4:
        raise ValueError(
            f"X has {len(row) + 1} dimensions, with images of shape {row}. Wanted are at most "
            "volumes with channels: five dimensions."
        )
    is_grey = len(row) == 1 or (len(row) == 2 and not is_last)
    if not is_grey:
        return row
    return (*row, 1) if is_last else (1, *row)


def _check_channels(layout: ImageLayout) -> None:
    """Raise ValueError if the channels seem to be elsewhere; warn if they may not be channels."""
    shape, n_channels, spatial = layout.shape, layout.n_channels, layout.spatial
    n_there, *others = spatial if layout.is_channels_last else spatial[::-1]
    if n_there in COLORS and others and min(n_channels, *others) > max(COLORS):
        here, there = ("last", "first") if layout.is_channels_last else ("first", "last")
        raise ValueError(
            f"Images of shape {shape} have {n_channels} channels by channels={here!r}, but look "
            f"like {n_there} with channels={there!r}. Set channels={there!r}. If they are "
            f"{n_channels} channels indeed, move these to the other end and set channels={there!r}."
        )
    if len(spatial) == 1 and n_channels > 1 and spatial[0] <= 2 * n_channels:
        warn(
            f"Images of shape {shape} are taken for signals with {n_channels} channels. If they "
            f"are grey images, set image_shape={(1, *shape)} and channels='first'.",
            UserWarning,
            stacklevel=5,
        )


def _check_shape(image_shape: Any) -> tuple[int, ...]:
    is_shape = isinstance(image_shape, Sequence | np.ndarray) and not isinstance(image_shape, str)
    if (
        not is_shape
        or not 2 <= len(image_shape) <= 4
        or not all(isinstance(size, int | np.integer) and size > 0 for size in image_shape)
    ):
        raise ValueError(
            "The 'image_shape' parameter must be None or a sequence of the number of channels and "
            f"of one to three sizes, such as (1, 28, 28). Got {image_shape!r} instead."
        )
    return tuple(int(size) for size in image_shape)


def _check_matches(row: tuple[int, ...], layout: ImageLayout) -> None:
    if accepts(row, layout):
        return
    given = f"n_features={row[0]}" if len(row) == 1 else f"X with images of shape {row}"
    raise ValueError(
        f"{given} does not match image_shape={layout.shape}, with {prod(layout.shape)} numbers for "
        f"each image. Set image_shape to the shape of one image, channels included, in X's order."
    )
