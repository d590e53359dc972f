"""The layout of images in rows."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class ImageLayout(NamedTuple):
    """The layout of an image in a row.

    Attributes
    ----------
    shape : tuple of int
        Channels and one to three spatial sizes, in the order of the row.
    is_channels_last : bool
    """

    shape: tuple[int, ...]
    is_channels_last: bool

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.shape[-1] if self.is_channels_last else self.shape[0]

    @property
    def spatial(self) -> tuple[int, ...]:
        """Sizes of the spatial axes."""
        return self.shape[:-1] if self.is_channels_last else self.shape[1:]

    def unflatten(self, x: Tensor) -> Tensor:
        """Return rows as maps, shape (n, n_channels, ...)."""
        if not self.is_channels_last:
            x = interleave(x.unflatten(1, self.shape))
        return as_maps(x, self.spatial)

    def flatten(self, maps: Tensor) -> Tensor:
        """Return maps of shape (n, n_channels, ...) as rows."""
        return interleave(maps) if self.is_channels_last else maps.flatten(1)


def interleave(maps: Tensor) -> Tensor:
    """Return maps of shape (n, n_channels, ...) as rows in which channels change fastest."""
    # (n, n_channels, ...) -> (n, ..., n_channels) -> (n, n_features)
    return maps.movedim(1, -1).flatten(1)


def as_maps(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return rows in which channels change fastest as maps, shape (n, n_channels, *sizes).

    Channels stay innermost in memory, where convolutions are faster.
    """
    return x.unflatten(1, (*sizes, -1)).movedim(-1, 1)
