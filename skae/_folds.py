"""Cross-validation of estimators at several numbers of components."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from itertools import zip_longest
from numbers import Integral
from typing import NamedTuple, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from skae._scikit_learn import safe_indexing
from skae._types import Estimator, EstimatorT, Scorer, Truncatable


class Fold(NamedTuple):
    """Scores and times of one estimator in one fold.

    Attributes
    ----------
    fit_time : float
        Seconds that all fits of the fold took together.
    score_times : array of shape (n_widths,)
        Seconds that scoring took at every width.
    scores : array of shape (n_widths,)
        Scores on the fold's test rows.
    """

    fit_time: float
    score_times: NDArray
    scores: NDArray


def score_widths(
    estimators: Sequence[Estimator],
    X: ArrayLike,
    y: ArrayLike | None,
    folds: Sequence[tuple[NDArray, NDArray]],
    scorer: Scorer,
    widths: Sequence[int],
    n_jobs: int | None,
    names: Sequence[str] = (),
) -> list[list[Fold]]:
    """Score all estimators at all widths in the same folds.

    Parameters
    ----------
    estimators : sequence of estimator
        Clones of them are fitted. An estimator with ordered components is fitted once per fold,
        at the largest width, and truncated to the others.
    X : indexable
        All rows.
    y : indexable or None
        Targets, which are passed to `fit` and to the scorer.
    folds : sequence of (train, test)
        Indices of the rows to fit and to score.
    scorer : callable
        Called as ``scorer(estimator, X, y)``, or as ``scorer(estimator, X)`` if y is None.
    widths : sequence of int
        Numbers of components.
    n_jobs : int or None
        Number of folds that are run in parallel, as in joblib.
    names : sequence of str
        Names of the estimators; with them, a line is printed about every fold. Empty: no lines.

    Returns
    -------
    results : list of list of Fold
        One list per estimator, with one entry per fold.
    """
    # estimators of a fold lie next to each other; without names, zip_longest gives title=None
    results = Parallel(n_jobs=n_jobs)(
        delayed(_run_fold)(clone(estimator), X, y, *rows, scorer, widths, title)
        for i, rows in enumerate(folds, start=1)
        for estimator, title in zip_longest(
            estimators, [f"[CV {i}/{len(folds)}] {name}" for name in names]
        )
    )
    return [results[i :: len(estimators)] for i in range(len(estimators))]


def _run_fold(
    estimator: Estimator,
    X: ArrayLike,
    y: ArrayLike | None,
    train: NDArray,
    test: NDArray,
    scorer: Scorer,
    widths: Sequence[int],
    title: str | None,
) -> Fold:
    train_rows, test_rows = (
        [safe_indexing(values, rows) for values in (X, y) if values is not None]
        for rows in (train, test)
    )
    start = time.perf_counter()
    fitted = _fit_widths(estimator, train_rows, widths)
    fit_time = time.perf_counter() - start
    timed = [_timed_score(scorer, one, test_rows) for one in fitted]
    scores, score_times = np.array(timed).T
    if title is not None:
        _print_best(title, scores, widths, time.perf_counter() - start)
    return Fold(fit_time, score_times, scores)


def _print_best(title: str, scores: NDArray, widths: Sequence[int], seconds: float) -> None:
    best = int(np.argmax(scores))
    print(
        f"{title}: best score {scores[best]:.4g} with n_components={widths[best]}, after "
        f"{seconds:.1f} s"
    )


def _fit_widths(
    estimator: Estimator, rows: Sequence[ArrayLike], widths: Sequence[int]
) -> list[Estimator]:
    """Return one fitted estimator per width; `rows` are X, or X and y."""
    parameter = find_width_parameter(estimator)
    if _can_be_truncated(estimator):
        widest = _fit(estimator.set_params(**{parameter: max(widths)}), rows)
        return [_truncate(widest, width) for width in widths]
    return [_fit(clone(estimator).set_params(**{parameter: width}), rows) for width in widths]


def _fit(estimator: EstimatorT, rows: Sequence[ArrayLike]) -> EstimatorT:
    """Fit an estimator and return it; Ctrl-C during the fit ends the comparison."""
    estimator.fit(*rows)
    # after Ctrl-C, our estimators keep what they learned so far, which would be compared unfairly
    if _is_interrupted(estimator):
        raise KeyboardInterrupt
    return estimator


def _is_interrupted(estimator: object) -> bool:
    if isinstance(estimator, Pipeline):
        return any(_is_interrupted(step) for _, step in estimator.steps)
    return getattr(estimator, "_is_interrupted", False)


def _timed_score(
    scorer: Scorer, estimator: Estimator, rows: Sequence[ArrayLike]
) -> tuple[float, float]:
    """Return the score and the seconds that scoring took."""
    start = time.perf_counter()
    score = scorer(estimator, *rows)
    return score, time.perf_counter() - start


def find_width_parameter(estimator: object) -> str:
    """Return the name of the parameter that sets the number of components.

    It is "n_components" or, for a Pipeline, "<step>__n_components" of the last step that has one.

    Raises
    ------
    TypeError
        If neither the estimator nor one of its steps has the parameter.
    """
    name = _find_width_parameter(estimator)
    if name is None:
        steps = " and its steps have" if isinstance(estimator, Pipeline) else " has"
        raise TypeError(
            f"{type(estimator).__name__}{steps} no parameter n_components. Give a reducer such as "
            "PCA or AutoencoderTransformer, or a Pipeline with one."
        )
    return name


def _find_width_parameter(estimator: object) -> str | None:
    if not isinstance(estimator, Pipeline):
        parameters: dict[str, object] = getattr(estimator, "get_params", dict)()
        return "n_components" if "n_components" in parameters else None
    for step_name, step in reversed(estimator.steps):
        if name := _find_width_parameter(step):
            return f"{step_name}__{name}"
    return None


def _can_be_truncated(estimator: object) -> TypeGuard[Truncatable]:
    """Return whether an estimator, or the last step of a Pipeline, has ordered components."""
    if isinstance(estimator, Pipeline):
        return _can_be_truncated(estimator.steps[-1][1])
    return hasattr(estimator, "truncate")


def _truncate(estimator: Truncatable, width: int) -> Truncatable:
    """Return a fitted estimator, or a Pipeline with it as last step, with fewer components."""
    if not isinstance(estimator, Pipeline):
        return estimator.truncate(width)
    *first, (name, last) = estimator.steps
    # a shallow copy shares the other fitted steps; clone would give unfitted ones
    shorter = copy(estimator)
    shorter.steps = [*first, (name, _truncate(last, width))]
    return shorter


def check_widths(n_components: int | Sequence[int]) -> list[int]:
    """Return the numbers of components to compare, without duplicates, in the given order.

    An int n stands for the numbers from 1 to n.

    Raises
    ------
    ValueError
        If a number is not an int of at least 1.
    """
    given = np.asarray(n_components, dtype=object)
    if isinstance(n_components, Integral):
        widths = np.arange(1, int(n_components) + 1)
    else:
        widths = np.asarray(n_components)
    # the object array above keeps bools, which np.asarray converts to ints beside ints
    has_bools = any(isinstance(width, bool | np.bool_) for width in np.atleast_1d(given).flat)
    is_valid = widths.ndim == 1 and widths.size and widths.dtype.kind in "iu" and not has_bools
    if not is_valid or widths.min() < 1:
        raise ValueError(
            "The 'n_components' parameter must be a sequence of ints, all at least 1. Got "
            f"{n_components!r} instead."
        )
    return list(dict.fromkeys(int(width) for width in widths))


def standard_error(deviations: NDArray, n_folds: int) -> NDArray:
    """Return the standard error of the mean over folds.

    Parameters
    ----------
    deviations : array of any shape
        Standard deviations over the folds, with 1 / n_folds (``ddof=0``).
    n_folds : int

    Returns
    -------
    errors : array of the shape of `deviations`
        0 for a single fold, whose deviation is 0.
    """
    # sqrt(n / (n - 1)) makes the deviation unbiased, and 1 / sqrt(n) makes it that of the mean
    return deviations / max(1, n_folds - 1) ** 0.5


def find_smallest_close(means: NDArray, deviations: NDArray, n_folds: int, widths: NDArray) -> int:
    """Return the index of the smallest width within one standard error of the best one.

    Hastie, Tibshirani and Friedman (2009), The elements of statistical learning, section 7.10.

    Parameters
    ----------
    means, deviations : array of shape (n_widths,)
        Means and standard deviations of the scores over the folds, the latter with 1 / n_folds.
        A mean may be -inf.
    n_folds : int
    widths : array of shape (n_widths,)
    """
    best = int(np.argmax(means))
    is_close = means >= means[best] - standard_error(deviations[best], n_folds)
    return int(np.argmin(np.where(is_close, widths, np.inf)))
