"""The units in which networks see the data."""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import gen_batches

from skae.blocks import Moments


class Units(NamedTuple):
    """A shift by the feature means and a division by one number.

    All features are divided by the same number: the squared error then stays PCA's objective.

    Attributes
    ----------
    location : array of shape (n_features,)
    scale : float
    """

    location: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, X: NDArray) -> "Units":
        """Return units with X's feature means and its root-mean-square deviation from them."""
        location = X.mean(axis=0, dtype=np.float64)
        # divided by the largest deviation first: squares then neither overflow nor underflow
        largest = _largest_deviation(location, X.min(axis=0), X.max(axis=0))
        if largest == 0:
            return cls(location, 1.0)
        sum_of_squares = sum(
            float(np.square((X[rows] - location) / largest).sum())
            for rows in gen_batches(len(X), max(1, 10**6 // X.shape[1]))
        )
        return cls(location, largest * (sum_of_squares / X.size) ** 0.5)

    @classmethod
    def of_moments(cls, moments: Moments, base: "Units", low: NDArray, high: NDArray) -> "Units":
        """Return the units of rows from their moments, in units `base`, and their range."""
        location = base.location + base.scale * moments.mean
        if _largest_deviation(location, low, high) == 0:
            return cls(location, 1.0)
        mean_square = moments.sum_of_squares / (moments.n_rows * len(location))
        return cls(location, base.scale * mean_square**0.5)

    def enter(self, X: NDArray) -> NDArray[np.float64]:
        """Convert X to these units, in float64."""
        rows = X - self.location
        rows /= self.scale
        return rows

    def enter_as_given(self, X: NDArray) -> NDArray:
        """Convert X to these units, in the dtype of X."""
        if not self._is_single(X.dtype):
            return self.enter(X).astype(X.dtype, copy=False)
        # the large part first: its difference from X is exact where X is near the location
        high, low = self._parts()
        rows = X - high
        rows -= low
        rows /= np.float32(self.scale)
        return rows

    def leave(self, X: NDArray, dtype: DTypeLike) -> NDArray:
        """Convert X from these units to the data's, as precisely as `dtype` needs."""
        if not self._is_single(dtype):
            rows = np.multiply(X, self.scale, dtype=np.float64)
            rows += self.location
            return rows
        high, low = self._parts()
        rows = X * np.float32(self.scale)
        rows += low
        rows += high
        return rows

    def _is_single(self, dtype: DTypeLike) -> bool:
        """Whether float32 is precise enough, and its range wide enough, for the computation."""
        return dtype == np.float32 and 1e-30 < self.scale < 1e30

    def _parts(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return two float32 arrays whose sum is the location.

        To add both in float32 costs a fraction of a sum in float64, and loses no precision.
        """
        high = self.location.astype(np.float32)
        return high, (self.location - high).astype(np.float32)


def _largest_deviation(location: NDArray, low: NDArray, high: NDArray) -> float:
    """Return the largest deviation of features in a range from a location, or 0 if it is rounding.

    The mean of equal numbers may differ from them in the last digit.
    """
    largest = float(max((high - location).max(), (location - low).max()))
    return largest if largest > 8 * np.finfo(np.float64).eps * float(np.abs(location).max()) else 0
