"""The share of variance that a reconstruction explains."""

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Moments

NO_ROWS = "X has no rows: all of its blocks are empty."


def explained_share(X: NDArray, reconstruction: NDArray) -> float:
    """Return ``1 - SSE / SST`` over the features that vary.

    What `sklearn.metrics.r2_score` gives with ``multioutput="variance_weighted"``; that divides
    feature by feature, which may overflow where scales are far apart.

    Parameters
    ----------
    X, reconstruction : array of shape (n_samples, n_features)

    Returns
    -------
    share : float
        At most 1. Where no feature varies, 1 if the reconstruction is exact and else 0.
    """
    errors = np.square(np.subtract(X, reconstruction, dtype=np.float64)).sum(axis=0)
    totals = np.square(X - X.mean(axis=0, dtype=np.float64)).sum(axis=0)
    return _share(errors, totals)


class ExplainedShare:
    """The same for rows that come block by block.

    Parameters
    ----------
    n_features : int
    """

    def __init__(self, n_features: int) -> None:
        self._errors = np.zeros(n_features)
        self._moments = Moments.none(n_features, has_products=False)

    def add(self, X: NDArray, reconstruction: NDArray) -> None:
        """Take note of more rows."""
        self._errors += np.square(np.subtract(X, reconstruction, dtype=np.float64)).sum(axis=0)
        self._moments.add(X.astype(np.float64))

    @property
    def share(self) -> float:
        """What the reconstruction explains.

        Raises
        ------
        ValueError
            If there are no rows.
        """
        if self._moments.n_rows == 0:
            raise ValueError(NO_ROWS)
        return _share(self._errors, self._moments.scatter)


def _share(errors: NDArray, totals: NDArray) -> float:
    """Return the share, given sums of squares for every feature."""
    varies = totals > 0
    if not varies.any():
        return float(not errors.any())
    lost = float(errors[varies].sum()) / float(totals[varies].sum())
    return max(1 - lost, -float(np.finfo(np.float64).max))
