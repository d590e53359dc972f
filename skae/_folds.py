"""What folds say of bottlenecks of several widths."""

import time
from collections.abc import Sequence
from copy import copy
from itertools import zip_longest
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from skae._scikit_learn import safe_indexing


class Fold(NamedTuple):
    """What one fold gives of one estimator.

    Attributes
    ----------
    fit_time : float
        Seconds of all fits.
    score_times, scores : array of shape (n_widths,)
    """

    fit_time: float
    score_times: NDArray
    scores: NDArray


def score_widths(
    estimators: Sequence[Any],
    X: Any,
    y: Any,
    folds: Sequence[tuple[NDArray, NDArray]],
    scorer: Any,
    widths: Sequence[int],
    n_jobs: int | None,
    names: Sequence[str] = (),
) -> list[list[Fold]]:
    """Score estimators at all widths in the same folds.

    Parameters
    ----------
    estimators : sequence of estimator
        Cloned. One whose components are ordered is fitted once in a fold, and truncated.
    X, y : indexable
        y may be None.
    folds : sequence of (train, test)
        Indices of rows.
    scorer : callable
        Called with an estimator, X, and y if there is one.
    widths : sequence of int
        Numbers of components.
    n_jobs : int or None
        Fits at once.
    names : sequence of str
        Of the estimators, for the lines that are printed about their folds; none: no lines.

    Returns
    -------
    results : list of list of Fold
        For each estimator, one entry per fold.
    """
    results = Parallel(n_jobs=n_jobs)(
        delayed(_run_fold)(clone(estimator), X, y, *rows, scorer, widths, title)
        for i, rows in enumerate(folds, start=1)
        for estimator, title in zip_longest(
            estimators, [f"[CV {i}/{len(folds)}] {name}" for name in names]
        )
    )
    return [results[i :: len(estimators)] for i in range(len(estimators))]


def _run_fold(
    estimator: Any,
    X: Any,
    y: Any,
    train: NDArray,
    test: NDArray,
    scorer: Any,
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


def _fit_widths(estimator: Any, rows: Sequence[Any], widths: Sequence[int]) -> list[Any]:
    """Return a fitted estimator of every width."""
    parameter = find_width_parameter(estimator)
    if _can_be_truncated(estimator):
        widest = _fit(estimator.set_params(**{parameter: max(widths)}), rows)
        return [_truncated(widest, width) for width in widths]
    return [_fit(clone(estimator).set_params(**{parameter: width}), rows) for width in widths]


def _fit(estimator: Any, rows: Sequence[Any]) -> Any:
    """Return the fitted estimator; half a fit, after Ctrl-C, is not to be compared with others."""
    estimator.fit(*rows)
    if _is_interrupted(estimator):
        raise KeyboardInterrupt
    return estimator


def _is_interrupted(estimator: Any) -> bool:
    if isinstance(estimator, Pipeline):
        return any(_is_interrupted(step) for _, step in estimator.steps)
    return getattr(estimator, "_is_interrupted", False)


def _timed_score(scorer: Any, estimator: Any, rows: Sequence[Any]) -> tuple[float, float]:
    """Return the score, and the seconds it took."""
    start = time.perf_counter()
    score = scorer(estimator, *rows)
    return score, time.perf_counter() - start


def find_width_parameter(estimator: Any) -> str:
    """Return the name of the parameter `n_components`: that of the last step that has one.

    Raises
    ------
    TypeError
        If there is none.
    """
    name = _find_width_parameter(estimator)
    if name is None:
        steps = " and its steps have" if isinstance(estimator, Pipeline) else " has"
        raise TypeError(
            f"{type(estimator).__name__}{steps} no parameter n_components. Wanted is a reducer "
            "such as PCA or AutoencoderTransformer, or a Pipeline with one."
        )
    return name


def _find_width_parameter(estimator: Any) -> str | None:
    if not isinstance(estimator, Pipeline):
        parameters: dict[str, Any] = getattr(estimator, "get_params", dict)()
        return "n_components" if "n_components" in parameters else None
    for step_name, step in reversed(estimator.steps):
        if name := _find_width_parameter(step):
            return f"{step_name}__{name}"
    return None


def _can_be_truncated(estimator: Any) -> bool:
    """Whether the components come last and are ordered."""
    if isinstance(estimator, Pipeline):
        return _can_be_truncated(estimator.steps[-1][1])
    return hasattr(estimator, "truncate")


def _truncated(estimator: Any, width: int) -> Any:
    """Return a fitted estimator, or a Pipeline that ends with one, cut off at a width."""
    if not isinstance(estimator, Pipeline):
        return estimator.truncate(width)
    *first, (name, last) = estimator.steps
    shorter = copy(estimator)
    shorter.steps = [*first, (name, _truncated(last, width))]
    return shorter


def check_widths(n_components: Any) -> list[int]:
    """Return the numbers of components to compare, each once, in the order in which they are given.

    An int stands for all numbers up to it.

    Raises
    ------
    ValueError
        If they are not ints of at least 1.
    """
    given = np.asarray(n_components, dtype=object)
    is_all_up_to = isinstance(n_components, Integral)
    widths = np.arange(1, n_components + 1) if is_all_up_to else np.asarray(n_components)
    # numpy makes ints of bools among ints
    has_bools = any(isinstance(width, bool | np.bool_) for width in np.atleast_1d(given).flat)
    is_valid = widths.ndim == 1 and widths.size and widths.dtype.kind in "iu" and not has_bools
    if not is_valid or widths.min() < 1:
        raise ValueError(
            "The 'n_components' parameter must be a sequence of ints, all at least 1. Got "
            f"{n_components!r} instead."
        )
    return list(dict.fromkeys(int(width) for width in widths))


def standard_error(deviations: NDArray, n_folds: int) -> NDArray:
    """Return standard errors of means over folds.

    Parameters
    ----------
    deviations : array of any shape
        Standard deviations over the folds, taken with 1 / n: 0 for a single fold.
    n_folds : int
    """
    return deviations / max(1, n_folds - 1) ** 0.5


def find_smallest_close(means: NDArray, deviations: NDArray, n_folds: int, widths: NDArray) -> int:
    """Return the index of the smallest width within one standard error of the best one.

    Hastie, Tibshirani and Friedman (2009), The elements of statistical learning, section 7.10.

    Parameters
    ----------
    means, deviations : array of shape (n_widths,)
        Of the scores over the folds, the deviations taken with 1 / n. Means may be -inf.
    n_folds : int
    widths : array of shape (n_widths,)
    """
    best = int(np.argmax(means))
    is_close = means >= means[best] - standard_error(deviations[best], n_folds)
    return int(np.argmin(np.where(is_close, widths, np.inf)))
