"""What a network sees of grey images, and what it says of colours."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from skae._colors import find_lightness, hsv_to_rgb, lab_to_rgb, rgb_to_hsv, rgb_to_lab


class ColorSpace(ABC):
    """Abstract base. All images are maps, shape (n, n_channels, height, width)."""

    def see(self, grey: NDArray) -> NDArray:
        """Return what the network sees of grey images."""
        return grey

    @abstractmethod
    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return what the network should say of colours."""

    @abstractmethod
    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return the RGB that belongs to what the network has seen and said."""


class Lab(ColorSpace):
    """Sees the lightness L, which is kept; says a and b."""

    def see(self, grey: NDArray) -> NDArray:
        """Return the lightness."""
        return find_lightness(grey)

    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return a and b."""
        return rgb_to_lab(rgb)[:, 1:]

    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return colours of the lightness that was seen."""
        return lab_to_rgb(np.concatenate([seen, predicted], axis=1))


class HSV(ColorSpace):
    """Says the value, and hue and saturation as a point of the disc."""

    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return s cos h, s sin h and v: hues near 0 and near 1 are near to each other."""
        hue, saturation, value = np.moveaxis(rgb_to_hsv(rgb), 1, 0)
        x, y = saturation * np.cos(2 * np.pi * hue), saturation * np.sin(2 * np.pi * hue)
        return np.stack([x, y, value], axis=1)

    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return colours; saturation and value are clipped."""
        x, y, value = np.moveaxis(predicted, 1, 0)
        hue = np.arctan2(y, x) / (2 * np.pi)
        hsv = np.stack([hue, np.hypot(x, y).clip(max=1), value.clip(0, 1)], axis=1)
        return hsv_to_rgb(hsv)


class RGB(ColorSpace):
    """Says red, green and blue."""

    def find_targets(self, rgb: NDArray) -> NDArray:
        """Return the colours themselves."""
        return rgb

    def find_colors(self, seen: NDArray, predicted: NDArray) -> NDArray:
        """Return the colours, clipped."""
        return predicted.clip(0, 1)


SPACES: dict[str, ColorSpace] = {"lab": Lab(), "hsv": HSV(), "rgb": RGB()}
