"""The share of variance that a reconstruction explains."""

import numpy as np
from numpy.typing import NDArray


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
    varies = totals > 0
    if not varies.any():
        return float(not errors.any())
    lost = float(errors[varies].sum()) / float(totals[varies].sum())
    return max(1 - lost, -float(np.finfo(np.float64).max))
