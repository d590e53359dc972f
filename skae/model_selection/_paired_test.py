"""Whether the scores of two estimators in the same folds differ beyond noise."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

RESOLUTION = 1e-5
"""Differences below this share of the scores are those of two solvers of the same problem."""


class PairedTest(NamedTuple):
    """What paired differences say.

    Attributes
    ----------
    difference : array of shape (n_widths,)
        Mean over the folds.
    standard_error : array of shape (n_widths,)
    p_value : array of shape (n_widths,)
        Two-sided.
    """

    difference: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    p_value: NDArray[np.float64]


def compare_pairs(first: NDArray, second: NDArray, test_share: float) -> PairedTest:
    """Test the differences of scores, those of `second` less those of `first`.

    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52: a
    t-test that allows for what the training sets have in common.

    Parameters
    ----------
    first, second : array of shape (n_widths, n_folds)
        At least two folds.
    test_share : float
        Rows left out for each row that is learned from.
    """
    differences = second - first
    smallest = RESOLUTION * np.maximum(np.abs(first), np.abs(second))
    differences[np.abs(differences) < smallest] = 0
    n_folds = differences.shape[1]
    difference = differences.mean(axis=1)
    error = differences.std(axis=1, ddof=1) * (1 / n_folds + test_share) ** 0.5
    # where there is no spread, a difference is certain, and that there is none as well
    certain = np.where(difference == 0, 0, np.inf)
    ratio = np.divide(np.abs(difference), error, out=certain, where=error > 0)
    return PairedTest(difference, error, 2 * t.sf(ratio, n_folds - 1))


def adjust_p_values(p_values: NDArray) -> NDArray[np.float64]:
    """Return p-values corrected for their number.

    Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1) * p_values[order]
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
