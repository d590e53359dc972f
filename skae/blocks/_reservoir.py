"""A random sample of rows from a stream of unknown length."""

import numpy as np
from numpy.typing import NDArray


class Reservoir:
    """Draws a random key for every row and keeps the rows with the smallest keys.

    So every row has the same chance to be in the sample, however many rows follow.

    Parameters
    ----------
    places : array of shape (n_places, n_features)
        Memory for the sample, which is overwritten.

    Attributes
    ----------
    positions : array of shape (n_places,)
        Position in the stream of the row in each place.
    """

    def __init__(self, places: NDArray) -> None:
        self.places = places
        self.positions = np.zeros(len(places), np.int64)
        self._keys = np.full(len(places), np.inf)

    def add(self, X: NDArray, rows: NDArray[np.intp], rng: np.random.Generator, start: int) -> None:
        """Let more rows of the stream compete for the places.

        Parameters
        ----------
        X : array of shape (n, n_features)
        rows : array of int
            Indices of the rows of X that may be drawn.
        rng : numpy.random.Generator
            Draws one key for each of them.
        start : int
            Position in the stream of the first row of X.
        """
        size = len(self._keys)
        keys = rng.random(len(rows))
        order = np.argsort(np.concatenate([self._keys, keys]), kind="stable")
        # entries below `size` are places, the others are rows; the first `size` stay
        new = order[:size][order[:size] >= size] - size
        left = order[size:][order[size:] < size]
        self.places[left] = X[rows[new]]
        self._keys[left] = keys[new]
        self.positions[left] = start + rows[new]

    def order(self) -> NDArray[np.intp]:
        """Return the places that have a row, in random order."""
        order = np.argsort(self._keys, kind="stable")
        return order[np.isfinite(self._keys[order])]
