"""Paired tests of the scores of two estimators in the same folds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

RESOLUTION = 1e-5
"""Differences below this share of the scores are ignored: two solvers of a problem have them."""


class PairedTest(NamedTuple):
    """The result of a paired test at every number of components.

    Attributes
    ----------
    difference : array of shape (n_widths,)
        Mean difference over the folds.
    standard_error : array of shape (n_widths,)
        Standard error of the mean difference.
    p_value : array of shape (n_widths,)
        Two-sided p-value.
    """

    difference: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    p_value: NDArray[np.float64]


def compare_pairs(first: NDArray, second: NDArray, test_share: float) -> PairedTest:
    """Test whether the mean of ``second - first`` over the folds differs from zero.

    The t-test is corrected for the overlap of training sets: Nadeau and Bengio (2003), Inference
    for the generalization error, Machine Learning 52.

    Parameters
    ----------
    first, second : array of shape (n_widths, n_folds)
        Scores in at least two folds.
    test_share : float
        Number of test rows divided by the number of training rows.
    """
    differences = second - first
    smallest = RESOLUTION * np.maximum(np.abs(first), np.abs(second))
    differences[np.abs(differences) < smallest] = 0
    n_folds = differences.shape[1]
    difference = differences.mean(axis=1)
    error = differences.std(axis=1, ddof=1) * (1 / n_folds + test_share) ** 0.5
    # differences that are equal in all folds have p = 0, or p = 1 if they are all zero
    certain = np.where(difference == 0, 0, np.inf)
    ratio = np.divide(np.abs(difference), error, out=certain, where=error > 0)
    # sf(x) = 1 - cdf(x), twice for both tails
    return PairedTest(difference, error, 2 * t.sf(ratio, n_folds - 1))


def adjust_p_values(p_values: NDArray) -> NDArray[np.float64]:
    """Return p-values corrected for the number of tests.

    Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1) * p_values[order]
    # a larger p-value must not become smaller than one before it
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
