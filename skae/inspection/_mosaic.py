"""Many images in one axes, and the range of their colours."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skae._pipelines import check_count
from skae.inspection._style import DIVERGING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage

WHITES = (1.0, 255.0)
"""Usual values of white in colour images."""
OUTLIERS = 0.005
"""Share of the pixels of generated images that may be darker than black, or lighter than white."""
INCHES = 9.0
"""Largest width and height of the images in a figure."""


def image_limits(images: NDArray, outliers: float = 0.0) -> tuple[float, float]:
    """Return the values that are drawn as black and as white.

    Parameters
    ----------
    images : array of shape (n_images, height, width) or (n_images, height, width, channels)
    outliers : float
        Share of the values that may be below black, and that may be above white. Otherwise a few
        extreme values would leave little contrast to the others.

    Returns
    -------
    low, high : float
        The range of the values. For colour images, 0 and 1, or 0 and 255, if values lie in about
        this range.
    """
    low, high = np.quantile(images, [outliers, 1 - outliers])
    for white in WHITES if images.ndim > 3 else ():
        # reconstructions of colours may be a little outside
        if low >= -0.2 * high and high <= 1.1 * white:
            return 0.0, white
    # constant images need a range that is not empty
    return float(low), float(high if high > low else low + 1)


def signed_limits(images: NDArray) -> tuple[float, float]:
    """Return limits for colours that are symmetric around zero."""
    limit = float(np.abs(images).max()) or 1.0
    return -limit, limit


def mean_of_channels(images: NDArray) -> NDArray:
    """Return images averaged over their channels, of shape (n_images, height, width)."""
    return images.mean(axis=-1) if images.ndim == 4 else images


def figure_size(
    n_rows: int, n_cols: int, images: NDArray, beside: float = 0.2, below: float = 0.2
) -> tuple[float, float]:
    """Return the width and height in inches of a figure with a mosaic of images.

    `beside` and `below` are inches for labels and colour bars. `beside` should be large enough: the
    constrained layout is exact after one pass only if the images fill the height.
    """
    height, width = images.shape[1:3]
    # width of an image, at most an inch
    cell = min(1.0, INCHES / n_cols, INCHES / n_rows * width / height)
    return n_cols * cell + beside, n_rows * cell * height / width + below


def find_grid(n_images: int, n_cols: int | None) -> tuple[int, int]:
    """Return the numbers of rows and columns, which are about equal if `n_cols` is None."""
    if n_cols is None:
        n_cols = ceil(n_images**0.5)
    else:
        check_count("n_cols", n_cols)
    return ceil(n_images / n_cols), min(n_cols, n_images)


class Mosaic:
    """Draws rows of images into one axes; every call of `draw` has its own range of colours.

    Parameters
    ----------
    ax : Axes
    n_cols : int
        Number of images in a row.
    image_shape : tuple of int
        Height and width, and channels if there are any.
    """

    def __init__(self, ax: Axes, n_cols: int, image_shape: tuple[int, ...]) -> None:
        self.ax = ax
        self.n_cols = n_cols
        self.height, self.width = image_shape[:2]
        self.gap = max(1, round(min(self.height, self.width) / 10))
        self.n_rows = 0

    def draw(self, images: NDArray, cmap: str, limits: tuple[float, float]) -> AxesImage:
        """Draw images row by row, below those that were drawn before.

        Parameters
        ----------
        images : array of shape (n_images, height, width) or (n_images, height, width, channels)
        cmap : str
            Colour map of images without channels.
        limits : tuple of float
            Values of the lowest and of the highest colour.

        Returns
        -------
        image : AxesImage
        """
        n_rows = ceil(len(images) / self.n_cols)
        top = self._y(self.n_rows)
        self.n_rows += n_rows
        bottom, right = self._y(self.n_rows) - self.gap, self._x(self.n_cols) - self.gap
        # one picture for all images is drawn much faster than one artist each
        picture = self._join(_colors(images, limits) if images.ndim == 4 else images, n_rows)
        low, high = limits
        image = self.ax.imshow(
            picture,
            cmap=cmap,
            vmin=low,
            vmax=high,
            interpolation="nearest",
            extent=(0, right, bottom, top),
        )
        self.ax.set(xlim=(0, right), ylim=(bottom, 0))
        return image

    def draw_differences(self, images: NDArray, label: str = "") -> tuple[AxesImage, Colorbar]:
        """Draw images of signed values, in which zero is white, and a colour bar beside them."""
        images = mean_of_channels(images)
        image = self.draw(images, DIVERGING, signed_limits(images))
        return image, self.draw_colorbar(image, label)

    def draw_colorbar(self, image: AxesImage, label: str = "") -> Colorbar:
        """Draw a colour bar beside the rows that were drawn last."""
        _, _, bottom, top = image.get_extent()
        # in coordinates of the axes, from 0 to 1; the last rows end at the bottom
        beside = self.ax.inset_axes((1.02, 0, 0.2 / max(2, self.n_cols), (bottom - top) / bottom))
        return self.ax.figure.colorbar(image, cax=beside, label=label)

    def label(self, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> None:
        """Label the rows and the columns, and remove the frame."""
        height, width = self.height / 2, self.width / 2
        self.ax.set_yticks([self._y(i) + height for i in range(len(rows))], labels=rows)
        self.ax.set_xticks([self._x(i) + width for i in range(len(columns))], labels=columns)
        self.ax.tick_params(length=0)
        self.ax.spines[:].set_visible(False)

    def _x(self, column: int) -> int:
        return column * (self.width + self.gap)

    def _y(self, row: int) -> int:
        return row * (self.height + self.gap)

    def _join(self, images: NDArray, n_rows: int) -> NDArray:
        """Return all images as one picture; gaps and cells without an image are transparent."""
        n_missing = n_rows * self.n_cols - len(images)
        blank = 0.0 if images.ndim == 4 else np.nan
        colors = [(0, 0)] * (images.ndim - 3)
        padding = [(0, n_missing), (0, self.gap), (0, self.gap), *colors]
        # (n, height, width, ...) -> (n_rows * n_cols, height + gap, width + gap, ...)
        padded = np.pad(images, padding, constant_values=blank)
        # -> (n_rows, height + gap, n_cols, width + gap, ...) -> (n_rows * (height + gap), ...)
        grid = padded.reshape(n_rows, self.n_cols, *padded.shape[1:]).swapaxes(1, 2)
        picture = grid.reshape(n_rows * grid.shape[1], -1, *padded.shape[3:])
        return picture[: -self.gap, : -self.gap]


def _colors(images: NDArray, limits: tuple[float, float]) -> NDArray:
    """Scale colours to [0, 1] and return them as RGBA, of shape (n, height, width, 4)."""
    low, high = limits
    colors = np.clip((images - low) / (high - low), 0, 1)
    if colors.shape[-1] == 4:
        return colors
    return np.concatenate([colors, np.ones((*colors.shape[:-1], 1))], axis=-1)
