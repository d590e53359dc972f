"""A random sample of rows from a stream of unknown length."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Reservoir:
    """Draws a random key for every row and keeps the rows with the smallest keys.

    So every row has the same chance to be in the sample, however many rows follow.

    Parameters
    ----------
    places : sequence of array, each of shape (n_places, ...)
        Memory for the sample, which is overwritten; a row may consist of several arrays.

    Attributes
    ----------
    positions : array of shape (n_places,)
        Position in the stream of the row in each place.
    """

    def __init__(self, places: Sequence[NDArray]) -> None:
        self.places = places
        self.positions = np.zeros(len(places[0]), np.int64)
        self._keys = np.full(len(places[0]), np.inf)

    def add(
        self,
        arrays: Sequence[NDArray],
        rows: NDArray[np.intp],
        rng: np.random.Generator,
        start: int,
    ) -> None:
        """Let more rows of the stream compete for the places.

        Parameters
        ----------
        arrays : sequence of array, each of shape (n, ...)
            The arrays that rows consist of.
        rows : array of int
            Indices of the rows of the arrays that may be drawn.
        rng : numpy.random.Generator
            Draws one key for each of them.
        start : int
            Position in the stream of the first row of the arrays.
        """
        size = len(self._keys)
        keys = rng.random(len(rows))
        order = np.argsort(np.concatenate([self._keys, keys]), kind="stable")
        # entries below `size` are places, the others are rows; the first `size` stay
        new = order[:size][order[:size] >= size] - size
        left = order[size:][order[size:] < size]
        for place, array in zip(self.places, arrays, strict=True):
            place[left] = array[rows[new]]
        self._keys[left] = keys[new]
        self.positions[left] = start + rows[new]

    def order(self) -> NDArray[np.intp]:
        """Return the places that have a row, in random order."""
        order = np.argsort(self._keys, kind="stable")
        return order[np.isfinite(self._keys[order])]
