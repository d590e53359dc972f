"""The share of variance that a reconstruction explains."""

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Moments

NO_ROWS = "X has no rows: all of its blocks are empty."


def explained_share(X: NDArray, reconstruction: NDArray) -> float:
    """Return ``1 - SSE / SST`` over the features that vary.

    The result equals `sklearn.metrics.r2_score` with ``multioutput="variance_weighted"``.
    scikit-learn divides feature by feature, which may overflow if the scales of features are far
    apart; here, the errors and the variances are summed before the only division.

    Parameters
    ----------
    X, reconstruction : array of shape (n_samples, n_features)

    Returns
    -------
    share : float
        At most 1. If no feature varies, 1 for an exact reconstruction and else 0.
    """
    errors = np.square(np.subtract(X, reconstruction, dtype=np.float64)).sum(axis=0)
    totals = np.square(X - X.mean(axis=0, dtype=np.float64)).sum(axis=0)
    return _share(errors, totals)


class ExplainedShare:
    """Collects the explained share of variance of rows that come block by block.

    Parameters
    ----------
    n_features : int
    """

    def __init__(self, n_features: int) -> None:
        self._errors = np.zeros(n_features)
        self._moments = Moments.none(n_features, has_products=False)

    def add(self, X: NDArray, reconstruction: NDArray) -> None:
        """Add rows and their reconstruction, arrays of shape (n, n_features)."""
        self._errors += np.square(np.subtract(X, reconstruction, dtype=np.float64)).sum(axis=0)
        self._moments.add(X.astype(np.float64))

    @property
    def share(self) -> float:
        """The share of variance that the reconstructions of all rows explain.

        Raises
        ------
        ValueError
            If there are no rows.
        """
        if self._moments.n_rows == 0:
            raise ValueError(NO_ROWS)
        return _share(self._errors, self._moments.scatter)


def _share(errors: NDArray, totals: NDArray) -> float:
    """Return the share; `errors` and `totals` hold a sum of squares for every feature."""
    varies = totals > 0
    if not varies.any():
        return float(not errors.any())
    lost = float(errors[varies].sum()) / float(totals[varies].sum())
    # errors far above the variance may give an infinite quotient, but a score must be finite
    return max(1 - lost, -float(np.finfo(np.float64).max))
