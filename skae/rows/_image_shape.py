"""Arrays of images: which axis holds the channels, and which are spatial."""

from math import prod
from warnings import warn

import numpy as np

from skae.networks import ImageLayout

COLORS = (1, 3, 4)
"""Numbers of channels of pictures: grey, colours, and colours with transparency."""


def find_layout(row: tuple[int, ...], image_shape: object, channels: str) -> ImageLayout:
    """Return the layout of the images that rows of an array hold.

    Parameters
    ----------
    row : tuple of int
        Shape of one row of X.
    image_shape : None or sequence of int
        Number of channels and one to three spatial sizes, in the order of X. None: guessed from
        `row`.
    channels : {"first", "last"}

    Raises
    ------
    ValueError
        If the parameters contradict each other or `row`, or if a guess would be doubtful.
    """
    is_last = channels == "last"
    if image_shape is None:
        layout = ImageLayout(_guess_shape(row, is_last), is_last)
        if doubt := doubt_channels(layout):
            raise ValueError(f"{doubt} Otherwise, set image_shape={layout.shape}.")
    else:
        layout = ImageLayout(_check_shape(image_shape), is_last)
        _check_matches(row, layout)
        if doubt := doubt_channels(layout):
            # the user chose both parameters: a doubt is no reason to refuse them
            warn(doubt, UserWarning, stacklevel=4)
    return layout


def accepts(row: tuple[int, ...], layout: ImageLayout) -> bool:
    """Whether rows of this shape hold such images.

    A row may be flat, of the shape of the layout, or without the axis of a single channel.
    """
    shapes = [(prod(layout.shape),), layout.shape]
    if layout.n_channels == 1:
        shapes.append(layout.spatial)
    return row in shapes


def _guess_shape(row: tuple[int, ...], is_last: bool) -> tuple[int, ...]:
    """Return the shape of an image, guessed from the shape of a row."""
    if len(row) > 4:
        raise ValueError(
            f"X has {len(row) + 1} dimensions, with images of shape {row}. Wanted are at most "
            "volumes with channels: five dimensions."
        )
    is_grey = len(row) == 1 or (len(row) == 2 and not is_last)
    if not is_grey:
        return row
    return (*row, 1) if is_last else (1, *row)


def doubt_channels(layout: ImageLayout) -> str | None:
    """Return the reason why the channels seem to be on another axis and a remedy, or None."""
    n_channels, spatial = layout.n_channels, layout.spatial
    # the size where the channels would be if they were at the other end
    n_there, *others = spatial if layout.is_channels_last else spatial[::-1]
    is_more = min(n_channels, *others) > max(COLORS) if others else n_channels > n_there
    if not (n_there in COLORS and is_more) and not (not others and n_there == n_channels > 1):
        return None
    here, there = ("last", "first") if layout.is_channels_last else ("first", "last")
    doubt = f"Images of shape {layout.shape} have {n_channels} channels by channels={here!r}"
    if n_there == n_channels:
        return f"{doubt}. For grey images, set image_shape={(1, *layout.shape)}, channels='first'."
    return f"{doubt}, but look like {n_there}. For these, set channels={there!r}."


def _check_shape(image_shape: object) -> tuple[int, ...]:
    sizes = np.asarray(image_shape)
    is_shape = sizes.ndim == 1 and 2 <= sizes.size <= 4 and sizes.dtype.kind in "iu"
    if not is_shape or sizes.min() < 1:
        raise ValueError(
            "The 'image_shape' parameter must be None or a sequence of the number of channels and "
            f"of one to three sizes, such as (1, 28, 28). Got {image_shape!r} instead."
        )
    return tuple(int(size) for size in sizes)


def _check_matches(row: tuple[int, ...], layout: ImageLayout) -> None:
    if accepts(row, layout):
        return
    given = f"n_features={row[0]}" if len(row) == 1 else f"X with images of shape {row}"
    raise ValueError(
        f"{given} does not match image_shape={layout.shape}, with {prod(layout.shape)} numbers for "
        f"each image. Set image_shape to the shape of one image, channels included, in X's order."
    )
