"""What one fold of a cross-validation gives, and what all folds say."""

import time
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.utils import _safe_indexing


class Fold(NamedTuple):
    """What one fold gives.

    Attributes
    ----------
    fit_time : float
        Seconds of the one fit.
    score_times, scores : array of shape (n_widths,)
    pca_scores : array of shape (n_widths,)
        Of the linear start.
    """

    fit_time: float
    score_times: NDArray
    scores: NDArray
    pca_scores: NDArray


def run_fold(
    estimator: Any,
    X: Any,
    y: Any,
    train: NDArray,
    test: NDArray,
    scorer: Any,
    widths: Sequence[int],
) -> Fold:
    """Fit once; score all widths."""
    X_train, X_test = _safe_indexing(X, train), _safe_indexing(X, test)
    y_test = None if y is None else _safe_indexing(y, test)
    start = time.perf_counter()
    estimator.fit(X_train)
    fit_time = time.perf_counter() - start
    timed = [_timed_score(estimator, width, scorer, X_test, y_test) for width in widths]
    scores, times = np.array(timed).T
    pca = clone(estimator).set_params(max_iter=0).fit(X_train)
    pca_scores = [_timed_score(pca, width, scorer, X_test, y_test)[0] for width in widths]
    return Fold(fit_time, times, scores, np.array(pca_scores))


def _timed_score(estimator: Any, width: int, scorer: Any, X: Any, y: Any) -> tuple[float, float]:
    """Return the score of the first components, and the seconds it took."""
    start = time.perf_counter()
    small = estimator.truncate(width)
    score = scorer(small, X) if y is None else scorer(small, X, y)
    return score, time.perf_counter() - start


def means_and_deviations(name: str, values: NDArray) -> dict[str, Any]:
    """Return mean and standard deviation over the folds, axis 0."""
    return {f"mean_{name}": values.mean(axis=0), f"std_{name}": values.std(axis=0)}


def summarize_scores(scores: list[NDArray]) -> dict[str, Any]:
    """Return the scores of every fold and what they say of the widths."""
    splits = {f"split{i}_test_score": fold for i, fold in enumerate(scores)}
    summary = means_and_deviations("test_score", np.array(scores))
    means = np.nan_to_num(summary["mean_test_score"], nan=-np.inf)
    if not np.isfinite(means).any():
        raise ValueError(f"None of the mean test scores is a number. They are {means}.")
    if not np.isfinite(means).all():
        warnings.warn(f"Some of the mean test scores are not finite: {means}", stacklevel=4)
    ranks = rankdata(-means, method="min").astype(np.int32)
    return splits | summary | {"rank_test_score": ranks}
