"""Pairs of images as the rows of one array, which goes where rows of a table go."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Pair
from skae.rows._patches import cut_patches
from skae.rows._reader import Block

ReadPairs = Callable[..., tuple[NDArray, NDArray]]
"""Returns the maps of a block of X and of y; with ``reset=True``, takes note of their formats."""


def as_records(X: NDArray, y: NDArray) -> NDArray:
    """Return pairs of images as an array of shape (n,) with fields "X" and "y".

    Parameters
    ----------
    X, y : array of shape (n, n_channels, height, width)
        Where y is X itself, there is no second field.
    """
    fields = {"X": X} if y is X else {"X": X, "y": y}
    dtype: Any = [(name, maps.dtype, maps.shape[1:]) for name, maps in fields.items()]
    records = np.empty(len(X), dtype)
    for name, maps in fields.items():
        records[name] = maps
    return records


def take_apart(records: NDArray) -> tuple[NDArray, NDArray]:
    """Return the images of X and of y: undo `as_records`."""
    names = records.dtype.names or ()
    X = records["X"]
    return X, records["y"] if "y" in names else X


def as_patches(block: Block, size: int | None) -> Block:
    """Return a block whose rows are patches of its images, if there is a size.

    Patches are held out with their image.
    """
    if size is None:
        return block
    X, y = take_apart(block.X)
    patches = cut_patches(X, size)
    records = as_records(patches, patches if y is X else cut_patches(y, size))
    n_patches = len(records) // len(X)
    return Block(
        block.number, records, block.start * n_patches, block.is_held_out.repeat(n_patches)
    )


class RecordReader:
    """Makes records of a pair of blocks; all of them have images of the same size.

    Parameters
    ----------
    read : callable
    """

    def __init__(self, read: ReadPairs) -> None:
        self.read = read
        self._sizes: tuple[int, ...] = ()

    def __call__(self, pair: Pair, *, reset: bool) -> NDArray:
        """Return the pairs of images of a block; what is in the first one, all must have.

        Raises
        ------
        ValueError
            If they cannot be used, or have another size than those of the first block.
        """
        X, y = self.read(*pair, reset=reset)
        sizes = X.shape[2:]
        if reset:
            self._sizes = sizes
        elif sizes != self._sizes:
            raise ValueError(
                f"it has images of {sizes[0]} x {sizes[1]} pixels, but all must have the size of "
                f"those of the first block, {self._sizes[0]} x {self._sizes[1]} pixels."
            )
        return as_records(X, y)
