"""A random sample of rows, of which nobody knows how many will come."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Reservoir:
    """Keeps the rows with the smallest of random keys: each has the same chance to be there.

    Parameters
    ----------
    places : sequence of array, each of shape (n_places, ...)
        Where rows are put; a row may consist of several arrays.

    Attributes
    ----------
    positions : array of shape (n_places,)
        Which row is in each place.
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
        """Take note of more rows.

        Parameters
        ----------
        arrays : sequence of array, each of shape (n, ...)
            The arrays that rows consist of.
        rows : array of int
            The rows that are meant.
        rng : numpy.random.Generator
        start : int
            The position of the first row of the arrays.
        """
        size = len(self._keys)
        keys = rng.random(len(rows))
        order = np.argsort(np.concatenate([self._keys, keys]), kind="stable")
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
