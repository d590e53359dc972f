"""Means and second moments, updated block by block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Moments:
    """Number, mean and scatter of the rows that were added so far.

    Attributes
    ----------
    n_rows : int
    mean : array of shape (n_features,)
    scatter : array of shape (n_features, n_features) or (n_features,)
        Sum over the rows of the outer products of their deviations from the mean. With one
        dimension, its diagonal alone: the sums of squared deviations.
    """

    n_rows: int
    mean: Array
    scatter: Array

    @classmethod
    def none(cls, n_features: int, has_products: bool) -> "Moments":
        """Return the moments of no rows, with a matrix as scatter if `has_products`."""
        shape = (n_features, n_features) if has_products else (n_features,)
        return cls(0, np.zeros(n_features), np.zeros(shape))

    @property
    def sum_of_squares(self) -> float:
        """The sum of squared deviations from the mean, over all rows and features."""
        is_matrix = self.scatter.ndim == 2
        return float(np.trace(self.scatter) if is_matrix else self.scatter.sum())

    def add(self, rows: Array) -> None:
        """Add rows of shape (n, n_features)."""
        if len(rows) == 0:
            return
        mean = rows.mean(axis=0)
        # centred first: the difference of two large sums would lose digits
        rows = rows - mean
        is_matrix = self.scatter.ndim == 2
        scatter = rows.T @ rows if is_matrix else np.square(rows).sum(axis=0)
        self.merge(Moments(len(rows), mean, scatter))

    def merge(self, other: "Moments") -> None:
        """Add the rows of other moments (Chan, Golub and LeVeque 1983, equation 2.1)."""
        if other.n_rows == 0:
            return
        n_rows = self.n_rows + other.n_rows
        shift = other.mean - self.mean
        weight = self.n_rows * other.n_rows / n_rows
        is_matrix = self.scatter.ndim == 2
        # in place, since a matrix of many features is large
        self.scatter += other.scatter
        self.scatter += weight * (np.outer(shift, shift) if is_matrix else shift**2)
        self.mean = self.mean + shift * (other.n_rows / n_rows)
        self.n_rows = n_rows

    def joined(self, other: "Moments") -> "Moments":
        """Return the moments of these rows and the others together; both stay as they are."""
        # the mean needs no copy: merge replaces it
        both = Moments(self.n_rows, self.mean, self.scatter.copy())
        both.merge(other)
        return both

    def entered(self, location: Array, scale: float) -> "Moments":
        """Return the moments of ``(rows - location) / scale``."""
        return Moments(self.n_rows, (self.mean - location) / scale, self.scatter / scale**2)
