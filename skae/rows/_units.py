"""The units in which networks see the data."""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import gen_batches

from skae.blocks import Moments


class Units(NamedTuple):
    """A shift by the feature means and a division by one number.

    One number for all features, so that the squared error stays PCA's own objective.

    Attributes
    ----------
    location : array of shape (n_features,)
    scale : float
    """

    location: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, X: NDArray) -> "Units":
        """Return the feature means and the root-mean-square deviation of `X` from them."""
        location = X.mean(axis=0, dtype=np.float64)
        # divided by the largest deviation first: the squares neither overflow nor vanish
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
        """Return those of rows of which the moments, in units `base`, and the range are known."""
        location = base.location + base.scale * moments.mean
        if _largest_deviation(location, low, high) == 0:
            return cls(location, 1.0)
        mean_square = moments.sum_of_squares / (moments.n_rows * len(location))
        return cls(location, base.scale * mean_square**0.5)

    def enter(self, X: NDArray) -> NDArray[np.float64]:
        """Return `X` in these units."""
        rows = X - self.location
        rows /= self.scale
        return rows

    def enter_as_given(self, X: NDArray) -> NDArray:
        """Return `X` in these units and in its own dtype."""
        if not self._is_single(X.dtype):
            return self.enter(X).astype(X.dtype, copy=False)
        high, low = self._parts()
        rows = X - high
        rows -= low
        rows /= np.float32(self.scale)
        return rows

    def leave(self, X: NDArray, dtype: DTypeLike) -> NDArray:
        """Return `X`, in these units, in the data's own, precise enough for a dtype."""
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
        """Whether to compute in float32."""
        return dtype == np.float32 and 1e-30 < self.scale < 1e30

    def _parts(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the location as the sum of two numbers of single precision.

        Such sums cost a fraction of one in double precision, and lose nothing.
        """
        high = self.location.astype(np.float32)
        return high, (self.location - high).astype(np.float32)


def _largest_deviation(location: NDArray, low: NDArray, high: NDArray) -> float:
    """Return how far features in a range are from a location; 0 if it is but rounding.

    The mean of equal numbers may differ from them in the last digit.
    """
    largest = float(max((high - location).max(), (location - low).max()))
    return largest if largest > 8 * np.finfo(np.float64).eps * float(np.abs(location).max()) else 0
