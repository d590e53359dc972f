"""The channels in which a network sees grey images and predicts their colours."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from skae._colors import find_lightness, hsv_to_rgb, lab_to_rgb, rgb_to_hsv, rgb_to_lab


class ColorSpace(ABC):
    """Abstract base of colour spaces; all images are maps, (n, n_channels, height, width)."""

    def see(self, grey: NDArray) -> NDArray:
        """Return the network's input for grey images."""
        return grey

    @abstractmethod
    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return the network's target for images in RGB."""

    @abstractmethod
    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return images in RGB, given the network's input and its prediction."""


class Lab(ColorSpace):
    """The network sees the lightness L, which is kept, and predicts a and b."""

    def see(self, grey: NDArray) -> NDArray:
        """Return the lightness."""
        return find_lightness(grey)

    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return a and b."""
        return rgb_to_lab(rgb)[:, 1:]

    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return the colours with the lightness of the input."""
        # L of shape (n, 1, ...) before a and b of shape (n, 2, ...)
        return lab_to_rgb(np.concatenate([seen, predicted], axis=1))


class HSV(ColorSpace):
    """The network predicts the value, and hue and saturation as a point of the unit disc."""

    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return s cos h, s sin h and v, in which hues near 0 are close to hues near 1."""
        # (n, 3, height, width) -> three of (n, height, width)
        hue, saturation, value = np.moveaxis(rgb_to_hsv(rgb), 1, 0)
        x, y = saturation * np.cos(2 * np.pi * hue), saturation * np.sin(2 * np.pi * hue)
        return np.stack([x, y, value], axis=1)

    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return colours; saturation and value are clipped."""
        x, y, value = np.moveaxis(predicted, 1, 0)
        # in (-1/2, 1/2]; hsv_to_rgb takes hues modulo 1
        hue = np.arctan2(y, x) / (2 * np.pi)
        # a prediction may lie outside of the disc
        hsv = np.stack([hue, np.hypot(x, y).clip(max=1), value.clip(0, 1)], axis=1)
        return hsv_to_rgb(hsv)


class RGB(ColorSpace):
    """The network predicts red, green and blue."""

    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return the colours themselves."""
        return rgb

    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return the colours, clipped."""
        return predicted.clip(0, 1)


SPACES: dict[str, ColorSpace] = {"lab": Lab(), "hsv": HSV(), "rgb": RGB()}
