"""A random sample of rows, of which nobody knows how many will come."""

import numpy as np
from numpy.typing import NDArray


class Reservoir:
    """Keeps the rows with the smallest of random keys: each has the same chance to be there.

    Parameters
    ----------
    places : array of shape (n_places, n_features)
        Where rows are put.

    Attributes
    ----------
    positions : array of shape (n_places,)
        Which row is in each place.
    """

    def __init__(self, places: NDArray) -> None:
        self.places = places
        self.positions = np.zeros(len(places), np.int64)
        self._keys = np.full(len(places), np.inf)

    def add(self, X: NDArray, rows: NDArray[np.intp], rng: np.random.Generator, start: int) -> None:
        """Take note of more rows.

        Parameters
        ----------
        X : array of shape (n, n_features)
        rows : array of int
            Which of them.
        rng : numpy.random.Generator
        start : int
            The position of the first row of X.
        """
        size = len(self._keys)
        keys = rng.random(len(rows))
        order = np.argsort(np.concatenate([self._keys, keys]), kind="stable")
        new = order[:size][order[:size] >= size] - size
        left = order[size:][order[size:] < size]
        self.places[left] = X[rows[new]]
        self._keys[left] = keys[new]
        self.positions[left] = start + rows[new]

    def order(self) -> NDArray[np.intp]:
        """Return the places that have a row, in random order."""
        order = np.argsort(self._keys, kind="stable")
        return order[np.isfinite(self._keys[order])]
