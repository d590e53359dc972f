"""The layouts of arrays of images.

Inside, images are maps: arrays of shape (n, n_channels, height, width).
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae.networks import ImageLayout
from skae.rows._image_shape import doubt_channels


class ImageFormat(NamedTuple):
    """The layout of an array of images.

    Attributes
    ----------
    layout : ImageLayout
        The shape of one image in fit, and the place of the channels.
    n_dims : int
        Dimensions of the array: 2 for flattened images, 3 for images without an axis of channels,
        else 4.
    """

    layout: ImageLayout
    n_dims: int

    def to_maps(self, X: NDArray) -> NDArray:
        """Return images in this format, of any size, as maps."""
        if X.ndim == 2:
            X = X.reshape(len(X), *self.layout.shape)
        if X.ndim == 3:
            return X[:, None]  # (n, height, width) -> (n, 1, height, width)
        # channels last: (n, height, width, n_channels) -> (n, n_channels, height, width)
        return np.moveaxis(X, -1, 1) if self.layout.is_channels_last else X

    def from_maps(self, maps: NDArray) -> NDArray:
        """Return maps in this format."""
        if self.n_dims == 3:
            return maps[:, 0]
        images = np.moveaxis(maps, 1, -1) if self.layout.is_channels_last else maps
        # a user is given an array that owns its order, and no view of maps
        images = np.ascontiguousarray(images)
        return images.reshape(len(images), -1) if self.n_dims == 2 else images

    def find_row(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a row of an array in this format, for images of this size."""
        if self.n_dims == 3:
            return spatial
        n_channels = self.layout.n_channels
        row = (*spatial, n_channels) if self.layout.is_channels_last else (n_channels, *spatial)
        return row if self.n_dims == 4 else (prod(row),)

    def describe(self) -> str:
        """Return the shape of one image in words."""
        if self.n_dims == 2:
            return f"flattened images of shape {self.layout.shape}"
        return f"images of shape {self.find_row(tuple(self.layout.spatial))}"

    def check(self, row: tuple[int, ...], name: str) -> None:
        """Raise ValueError unless rows of this shape are images, of any size, in this format."""
        n_channels = self.layout.n_channels
        place = -1 if self.layout.is_channels_last else 0
        is_grey = len(row) == 2 and n_channels == 1
        if is_grey or (len(row) == 3 and row[place] == n_channels):
            return
        # a row of two dimensions may be a channel of an image without the axis of samples
        single = f" If {name} is one image, pass {name}[None]." if len(row) == 2 else ""
        raise ValueError(
            f"{name} has images of shape {row}, but images of shape {self.layout.shape}, of this "
            f"or another size, are expected: {n_channels} channels, and these {self._place()}."
            f"{single}"
        )

    def _place(self) -> str:
        return "last" if self.layout.is_channels_last else "first"


def find_format(
    row: tuple[int, ...],
    image_shape: Sequence[int] | None,
    channels: str,
    name: str,
    parameter: str,
) -> ImageFormat:
    """Return the layout of an array of images.

    Parameters
    ----------
    row : tuple of int
        The shape of one row of the array.
    image_shape : None or sequence of int
        Shape of one image with its channels, in the order of the array. None takes it from `row`.
    channels : {"first", "last"}
    name : str
        Name of the array, for messages.
    parameter : str
        The name of `image_shape` where the user sets it.

    Raises
    ------
    ValueError
        If the rows are no images, or if their shape is ambiguous.
    """
    is_last = channels == "last"
    if len(row) not in (1, 2, 3):
        raise ValueError(
            f"{name} has {len(row) + 1} dimensions. Images are wanted in an array of shape (n, "
            f"height, width), {_four(is_last)}, or flattened with {parameter} set."
        )
    given = None if image_shape is None else _check_shape(image_shape, parameter)
    if given is None and len(row) == 1:
        raise ValueError(
            f"{name} has {row[0]} numbers in a row, which does not give the shape of an image. Set "
            f"{parameter}, such as {_example(row[0], is_last)}, or give {name} the shape (n, "
            "height, width)."
        )
    # an image without an axis of channels has one channel
    grey = (*row, 1) if is_last else (1, *row)
    layout = ImageLayout(given or (grey if len(row) == 2 else row), is_last)
    if row not in _accepted(layout):
        raise ValueError(
            f"{name} has rows of shape {row}, which do not match {parameter}={layout.shape} with "
            f"{prod(layout.shape)} numbers. Set {parameter} to the shape of one image, channels "
            f"included, in the order of {name}."
        )
    if given is None and (doubt := doubt_channels(layout)):
        raise ValueError(f"{name}: {doubt} Otherwise, set {parameter}={layout.shape}.")
    return ImageFormat(layout, len(row) + 1)


def guess_target_shape(n_numbers: int, layout: ImageLayout) -> tuple[int, ...]:
    """Return the shape of flattened images that have the size of the images in `layout`.

    Raises
    ------
    ValueError
        If the numbers are no multiple of the pixels.
    """
    n_channels, rest = divmod(n_numbers, prod(layout.spatial))
    if rest or not n_channels:
        raise ValueError(
            f"y has {n_numbers} numbers in a row, which make no images of {_size(layout.spatial)} "
            "pixels, the size of the images of X. Images of y must have the same size."
        )
    spatial = layout.spatial
    return (*spatial, n_channels) if layout.is_channels_last else (n_channels, *spatial)


def check_lengths(X: NDArray, y: NDArray) -> None:
    """Raise ValueError if X and y have different numbers of images."""
    if len(X) != len(y):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {len(X)} images, "
            f"y has {len(y)}. Give one image of y for every image of X."
        )


def check_sizes(X: Sequence[int], y: Sequence[int]) -> None:
    """Raise ValueError if images of X and of y differ in height or width."""
    if tuple(X) != tuple(y):
        raise ValueError(
            f"X has images of {_size(X)} pixels, and y of {_size(y)}. Both must have the same "
            "size: resize the smaller ones first, for example with scipy.ndimage.zoom."
        )


def check_first_size(spatial: tuple[int, ...], known: tuple[int, ...]) -> None:
    """Raise ValueError if images have another size than the first ones."""
    if tuple(spatial) != tuple(known):
        raise ValueError(
            f"X has images of {_size(spatial)} pixels, but all images that are learned from must "
            f"have the size of the first ones, {_size(known)} pixels. Resize them, or set "
            "patch_size and cut patches of one size."
        )


def check_size(spatial: tuple[int, ...], depth: int, margin: int) -> None:
    """Raise ValueError if images of this size are too small.

    Parameters
    ----------
    spatial : tuple of int
    depth : int
        Number of times that sizes are halved.
    margin : int
        Number of pixels by which images are continued for the filter.
    """
    smallest = min(spatial)
    if smallest < 2**depth:
        raise ValueError(
            f"Images of {spatial[0]} x {spatial[1]} pixels are too small to be halved {depth} "
            f"times. Set depth to at most {smallest.bit_length() - 1}."
        )
    # a reflection without the border itself has at most smallest - 1 pixels
    if smallest <= margin:
        raise ValueError(
            f"Images of {spatial[0]} x {spatial[1]} pixels are too small for a filter of size "
            f"{2 * margin + 1}. Set filter_size to at most {2 * smallest - 1}."
        )


def check_known_size(spatial: tuple[int, ...], depth: int, filter_size: int) -> None:
    """Raise ValueError if images are too small for a fitted network.

    Parameters
    ----------
    spatial : tuple of int
    depth : int
        Number of times that the network halves the sizes.
    filter_size : int
        Size of the kernel of its filter; 0 without a filter.
    """
    smallest = max(2**depth, filter_size // 2 + 1)
    if min(spatial) < smallest:
        raise ValueError(
            f"Images of {_size(spatial)} pixels are too small for this network, which needs at "
            f"least {smallest} along both axes. If X is one image, pass X[None]."
        )


def _accepted(layout: ImageLayout) -> list[tuple[int, ...]]:
    shapes = [(prod(layout.shape),), layout.shape]
    return [*shapes, layout.spatial] if layout.n_channels == 1 else shapes


def _check_shape(image_shape: Sequence[int], parameter: str) -> tuple[int, ...]:
    sizes = np.asarray(image_shape)
    if sizes.shape != (3,) or sizes.dtype.kind not in "iu" or sizes.min() < 1:
        raise ValueError(
            f"The {parameter!r} parameter must be None or three ints: the number of channels, "
            f"height and width, such as (1, 28, 28). Got {image_shape!r} instead."
        )
    return tuple(int(size) for size in sizes)


def _four(is_last: bool) -> str:
    return "(n, height, width, channels)" if is_last else "(n, channels, height, width)"


def _example(n_numbers: int, is_last: bool) -> tuple[int, ...]:
    """Return the shape of an image of `n_numbers` pixels, a square if possible."""
    side = int(n_numbers**0.5)
    sides = (side, side) if side**2 == n_numbers else (1, n_numbers)
    return (*sides, 1) if is_last else (1, *sides)


def _size(spatial: Sequence[int]) -> str:
    return " x ".join(map(str, spatial))
