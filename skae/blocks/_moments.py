"""Means and second moments, found block by block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Moments:
    """What is known of the rows so far.

    Attributes
    ----------
    n_rows : int
    mean : array of shape (n_features,)
    scatter : array of shape (n_features, n_features) or (n_features,)
        Sum over the rows of the products of their deviations from the mean, or of the squares
        alone.
    """

    n_rows: int
    mean: Array
    scatter: Array

    @classmethod
    def none(cls, n_features: int, has_products: bool) -> "Moments":
        """Return those of no rows."""
        shape = (n_features, n_features) if has_products else (n_features,)
        return cls(0, np.zeros(n_features), np.zeros(shape))

    @property
    def sum_of_squares(self) -> float:
        """Of all deviations from the mean."""
        is_matrix = self.scatter.ndim == 2
        return float(np.trace(self.scatter) if is_matrix else self.scatter.sum())

    def add(self, rows: Array) -> None:
        """Take note of more rows, shape (n, n_features)."""
        if len(rows) == 0:
            return
        mean = rows.mean(axis=0)
        rows = rows - mean
        is_matrix = self.scatter.ndim == 2
        scatter = rows.T @ rows if is_matrix else np.square(rows).sum(axis=0)
        self.merge(Moments(len(rows), mean, scatter))

    def merge(self, other: "Moments") -> None:
        """Take note of other rows (Chan, Golub and LeVeque 1983, equation 2.1)."""
        if other.n_rows == 0:
            return
        n_rows = self.n_rows + other.n_rows
        shift = other.mean - self.mean
        weight = self.n_rows * other.n_rows / n_rows
        is_matrix = self.scatter.ndim == 2
        self.scatter += other.scatter
        self.scatter += weight * (np.outer(shift, shift) if is_matrix else shift**2)
        self.mean = self.mean + shift * (other.n_rows / n_rows)
        self.n_rows = n_rows

    def joined(self, other: "Moments") -> "Moments":
        """Return the moments of these rows and others together."""
        both = Moments(self.n_rows, self.mean, self.scatter.copy())
        both.merge(other)
        return both

    def entered(self, location: Array, scale: float) -> "Moments":
        """Return the moments of the rows less a location, divided by a number."""
        return Moments(self.n_rows, (self.mean - location) / scale, self.scatter / scale**2)
