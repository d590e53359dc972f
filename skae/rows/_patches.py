"""Images cut into patches."""

from math import ceil

import numpy as np
from numpy.typing import NDArray


def cut_patches(maps: NDArray, size: int) -> NDArray:
    """Return patches that cover all of every image, and overlap as little as they can.

    Parameters
    ----------
    maps : array of shape (n, n_channels, height, width)
    size : int
        Height and width of a patch. Patches are not larger than the images.

    Returns
    -------
    patches : array of shape (n * n_patches, n_channels, size, size)
        The patches of an image follow each other.
    """
    height, width = (min(size, whole) for whole in maps.shape[2:])
    rows, columns = (find_starts(whole, size) for whole in maps.shape[2:])
    patches = [
        maps[:, :, top : top + height, left : left + width] for top in rows for left in columns
    ]
    # n_patches arrays (n, n_channels, size, size) -> (n * n_patches, n_channels, size, size)
    return np.stack(patches, axis=1).reshape(-1, maps.shape[1], height, width)


def find_starts(whole: int, size: int) -> NDArray[np.intp]:
    """Return the places along an axis where patches begin: as few as cover it, evenly spread."""
    last = max(0, whole - size)
    return np.linspace(0, last, ceil(whole / size)).round().astype(np.intp)
