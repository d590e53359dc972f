"""Conversions between sRGB (IEC 61966-2-1), CIE Lab under D65 (CIE 15) and HSV (Smith 1978).

Images in colour are arrays of shape (n, 3, ...); grey ones have one channel. RGB and HSV lie in
[0, 1], lightness L in [0, 100]. Conversions compute in float64 and return the dtype of their input.
"""

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.typing import NDArray

XYZ_OF_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
"""Matrix from linear RGB to XYZ, for the primaries of ITU-R BT.709."""
WHITE = XYZ_OF_RGB.sum(axis=1)
"""XYZ of RGB (1, 1, 1). As the white point of Lab, it gives greys a = b = 0 up to rounding."""
RGB_OF_XYZ = np.linalg.inv(XYZ_OF_RGB)
ENTRIES_AT_ONCE = 2**20
Conversion = Callable[[NDArray], NDArray]


def in_parts(convert: Conversion) -> Conversion:
    """Return the conversion for images of any size and float dtype.

    Pixels are converted some at a time, which bounds the memory for copies in float64.

    Parameters
    ----------
    convert : callable
        Converts every pixel by itself, from shape (n, n_channels) to (n, n_channels_out).
    """

    @wraps(convert)
    def convert_all(images: NDArray) -> NDArray:
        # (n, channels, ...) -> (n, ..., channels) -> (n_pixels, channels)
        pixels = np.moveaxis(images, 1, -1)
        rows = pixels.reshape(-1, images.shape[1])
        step = max(1, ENTRIES_AT_ONCE // images.shape[1])
        parts = [
            convert(rows[start : start + step].astype(np.float64)).astype(images.dtype)
            for start in range(0, len(rows), step)
        ]
        result = np.concatenate(parts)
        # (n_pixels, channels) -> (n, ..., channels) -> (n, channels, ...)
        result = result.reshape(*pixels.shape[:-1], result.shape[1])
        return np.ascontiguousarray(np.moveaxis(result, -1, 1))

    return convert_all


def linearized(rgb: NDArray) -> NDArray:
    """Undo the gamma of sRGB: return intensities that are proportional to light."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def compressed(intensities: NDArray) -> NDArray:
    """Apply the gamma of sRGB to linear intensities; the inverse of `linearized`."""
    powers = intensities.clip(0) ** (1 / 2.4)
    return np.where(intensities <= 0.0031308, 12.92 * intensities, 1.055 * powers - 0.055)


@in_parts
def find_lightness(grey: NDArray) -> NDArray:
    """Return lightness L for grey values of sRGB, of shape (n, 1, ...)."""
    return 116 * _root(linearized(grey)) - 16


@in_parts
def find_grey(rgb: NDArray) -> NDArray:
    """Return grey values of sRGB with the luminance of the colours, of shape (n, 1, ...)."""
    luminance = np.tensordot(linearized(rgb), XYZ_OF_RGB[1], (1, 0))
    return compressed(luminance)[:, None].clip(0, 1)


@in_parts
def rgb_to_lab(rgb: NDArray) -> NDArray:
    """Return L, a and b, of shape (n, 3, ...)."""
    xyz = _times(XYZ_OF_RGB, linearized(rgb))
    x, y, z = np.moveaxis(_root(xyz / _along_channels(WHITE, xyz)), 1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@in_parts
def lab_to_rgb(lab: NDArray) -> NDArray:
    """Return RGB in [0, 1], of shape (n, 3, ...).

    A colour outside this range is mixed with grey of the same luminance, just enough to reach it.
    Lightness and dominant wavelength stay the same.
    """
    lightness, a, b = np.moveaxis(lab, 1, 0)
    y = (lightness.clip(0, 100) + 16) / 116
    shares = _cube(np.stack([y + a / 500, y, y - b / 200], axis=1))
    light = _times(RGB_OF_XYZ, shares * _along_channels(WHITE, shares))
    return compressed(_mixed(light, shares[:, 1:2]))


@in_parts
def rgb_to_hsv(rgb: NDArray) -> NDArray:
    """Return hue, saturation and value, of shape (n, 3, ...); hue has period 1."""
    red, green, blue = np.moveaxis(rgb, 1, 0)
    value = np.maximum(np.maximum(red, green), blue)
    spread = value - np.minimum(np.minimum(red, green), blue)
    # greys have no hue: 1 instead of 0 avoids a division by zero and gives hue 0
    unit = np.where(spread > 0, spread, 1)
    sector = np.select(
        [value == red, value == green],
        [(green - blue) / unit, 2 + (blue - red) / unit],
        4 + (red - green) / unit,
    )
    saturation = spread / np.where(value > 0, value, 1)
    return np.stack([sector / 6 % 1, saturation, value], axis=1)


@in_parts
def hsv_to_rgb(hsv: NDArray) -> NDArray:
    """Return RGB, of shape (n, 3, ...); hue has period 1."""
    hue, saturation, value = np.moveaxis(hsv, 1, 0)
    # distance of the hue from each primary, in sixths of the circle
    places = [(n + 6 * hue) % 6 for n in (5, 3, 1)]
    lost = [np.minimum(place, 4 - place).clip(0, 1) for place in places]
    return np.stack([value * (1 - saturation * part) for part in lost], axis=1)


def check_colors(values: NDArray, name: str) -> NDArray:
    """Check that values lie in [0, 1], and clip those that are outside by rounding errors only.

    Raises
    ------
    ValueError
        If a value lies further outside.
    """
    low, high = float(values.min()), float(values.max())
    if low < -1e-6 or high > 1 + 1e-6:
        remedy = "divide by 255" if low >= 0 and 2 < high <= 255 else "rescale or clip it"
        raise ValueError(
            f"{name} has values from {low:.4g} to {high:.4g}, but colours and greys must lie in "
            f"[0, 1]: {remedy} first."
        )
    return values.clip(0, 1) if low < 0 or high > 1 else values


def _mixed(light: NDArray, luminance: NDArray) -> NDArray:
    """Mix linear RGB of shape (n, 3) with grey of the same luminance until it lies in [0, 1]."""
    excess = light - luminance
    room = np.where(excess > 0, 1 - luminance, luminance)
    is_out = np.abs(excess) > room
    factors = np.divide(room, np.abs(excess), out=np.ones_like(excess), where=is_out)
    # rounding errors may still lead outside
    return (luminance + factors.min(axis=1, keepdims=True) * excess).clip(0, 1)


def _root(shares: NDArray) -> NDArray:
    """Return the cube root; below (6 / 29)**3, its tangent there, as CIE Lab defines."""
    return np.where(shares > (6 / 29) ** 3, np.cbrt(shares), shares / (3 * (6 / 29) ** 2) + 4 / 29)


def _cube(roots: NDArray) -> NDArray:
    """Return the inverse of `_root`."""
    return np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29))


def _times(matrix: NDArray, maps: NDArray) -> NDArray:
    """Multiply a matrix with the channels: (3, 3) and (n, 3, ...) give (n, 3, ...)."""
    # tensordot puts the matrix's axis first
    return np.moveaxis(np.tensordot(matrix, maps, (1, 1)), 0, 1)


def _along_channels(values: NDArray, maps: NDArray) -> NDArray:
    # (3,) -> (3, 1, ..., 1), to be broadcast over (n, 3, ...)
    return values.reshape(-1, *[1] * (maps.ndim - 2))
