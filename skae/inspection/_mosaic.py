"""Many images as one."""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skae._pipelines import check_count
from skae.inspection._style import DIVERGING

WHITES = (1.0, 255.0)
"""Largest values that colours have by custom."""
OUTLIERS = 0.005
"""Share of the numbers of made-up images that may be darker, or lighter, than black and white."""
INCHES = 9.0
"""Width of a figure that many images fill."""


def image_limits(images: NDArray, outliers: float = 0.0) -> tuple[float, float]:
    """Return the values of black and white; for colours 0 and 1 or 255, if they lie about there.

    Parameters
    ----------
    images : array of shape (n_images, height, width) or (n_images, height, width, channels)
    outliers : float
        Share of the numbers that may be beyond either of them, so that a few do not take the
        contrast away.
    """
    low, high = np.quantile(images, [outliers, 1 - outliers])
    for white in WHITES if images.ndim > 3 else ():
        # decoded colours may be a little beyond
        if low >= -0.2 * high and high <= 1.1 * white:
            return 0.0, white
    return float(low), float(high if high > low else low + 1)


def signed_limits(images: NDArray) -> tuple[float, float]:
    """Return values of the ends of colours whose middle is zero."""
    limit = float(np.abs(images).max()) or 1.0
    return -limit, limit


def mean_of_channels(images: NDArray) -> NDArray:
    """Return images without channels, shape (n_images, height, width)."""
    return images.mean(axis=-1) if images.ndim == 4 else images


def figure_size(
    n_rows: int, n_cols: int, images: NDArray, beside: float = 0.2, below: float = 0.2
) -> tuple[float, float]:
    """Return width and height of a figure with a mosaic, and what is beside and below it.

    All in inches. What is beside should have room: the layout is found in one pass if the images
    fill the height.
    """
    height, width = images.shape[1:3]
    cell = min(1.0, INCHES / n_cols, INCHES / n_rows * width / height)
    return n_cols * cell + beside, n_rows * cell * height / width + below


def find_grid(n_images: int, n_cols: int | None) -> tuple[int, int]:
    """Return numbers of rows and columns; nearly as many of both, if no number is given."""
    if n_cols is None:
        n_cols = ceil(n_images**0.5)
    else:
        check_count("n_cols", n_cols)
    return ceil(n_images / n_cols), min(n_cols, n_images)


class Mosaic:
    """Rows of images in one axes, each block with colours of its own.

    Parameters
    ----------
    ax : Axes
    n_cols : int
    image_shape : tuple of int
        Height and width, and channels if there are any.
    """

    def __init__(self, ax: Any, n_cols: int, image_shape: tuple[int, ...]) -> None:
        self.ax = ax
        self.n_cols = n_cols
        self.height, self.width = image_shape[:2]
        self.gap = max(1, round(min(self.height, self.width) / 10))
        self.n_rows = 0

    def draw(self, images: NDArray, cmap: str, limits: tuple[float, float]) -> Any:
        """Draw images, row by row, below what is there already.

        Parameters
        ----------
        images : array of shape (n_images, height, width) or (n_images, height, width, channels)
        cmap : str
            For images without channels.
        limits : tuple of float
            The lowest and the highest colour.

        Returns
        -------
        image : AxesImage
        """
        n_rows = ceil(len(images) / self.n_cols)
        top = self._y(self.n_rows)
        self.n_rows += n_rows
        bottom, right = self._y(self.n_rows) - self.gap, self._x(self.n_cols) - self.gap
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

    def draw_differences(self, images: NDArray, label: str = "") -> tuple[Any, Any]:
        """Draw images of signed numbers, and a colour bar beside them; zero is white."""
        images = mean_of_channels(images)
        image = self.draw(images, DIVERGING, signed_limits(images))
        return image, self.draw_colorbar(image, label)

    def draw_colorbar(self, image: Any, label: str = "") -> Any:
        """Draw a colour bar beside the rows that were drawn last, and those alone."""
        _, _, bottom, top = image.get_extent()
        beside = self.ax.inset_axes((1.02, 0, 0.2 / max(2, self.n_cols), (bottom - top) / bottom))
        return self.ax.figure.colorbar(image, cax=beside, label=label)

    def label(self, rows: Any = (), columns: Any = ()) -> None:
        """Name the rows and the columns, and take the frame away."""
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
        """Return one picture; what is between the images and after the last one is transparent."""
        n_missing = n_rows * self.n_cols - len(images)
        blank = 0.0 if images.ndim == 4 else np.nan
        colors = [(0, 0)] * (images.ndim - 3)
        padding = [(0, n_missing), (0, self.gap), (0, self.gap), *colors]
        padded = np.pad(images, padding, constant_values=blank)
        grid = padded.reshape(n_rows, self.n_cols, *padded.shape[1:]).swapaxes(1, 2)
        picture = grid.reshape(n_rows * grid.shape[1], -1, *padded.shape[3:])
        return picture[: -self.gap, : -self.gap]


def _colors(images: NDArray, limits: tuple[float, float]) -> NDArray:
    """Return colours with an opacity, between 0 and 1."""
    low, high = limits
    colors = np.clip((images - low) / (high - low), 0, 1)
    if colors.shape[-1] == 4:
        return colors
    return np.concatenate([colors, np.ones((*colors.shape[:-1], 1))], axis=-1)
