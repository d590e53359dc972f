"""Whether a nonlinear bottleneck is worth it, and how wide it should be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_random_state, indexable

from skae._folds import find_smallest_close, find_width_parameter
from skae.estimators import AutoencoderTransformer
from skae.model_selection._bottleneck_curve import bottleneck_curve, check_verbose, reducer_name
from skae.model_selection._paired_test import PairedTest, adjust_p_values, compare_pairs

WIDTHS = (1, 2, 4, 8, 16, 32)
"""Numbers of components that are compared by default, as far as X has more features and rows."""
LEVEL = 0.05
"""Probability of a difference as large as found, if there were none, below which it counts."""
DOMINANT = 0.95
"""Share of the variance of X from which on a feature decides alone."""


def compare_with_pca(
    X: ArrayLike,
    y: Any = None,
    *,
    estimator: Any = None,
    n_components: int | Sequence[int] | None = None,
    groups: Any = None,
    cv: Any = None,
    scoring: Any = None,
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int = 0,
) -> Bunch:
    """Tell whether an autoencoder is worth it on X, beside PCA, and how wide.

    Both are scored on the rows left out, in the same folds and at the same numbers of components.
    Recommended of each is the smallest number whose mean score is at most one standard error
    below its best [1]_. At the autoencoder's, the differences of the folds are tested.

    :meth:`~skae.inspection.BottleneckCurveDisplay.from_comparison` draws the result.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Scaled as for PCA: features of large variance count most.

    y : array-like of shape (n_samples,), default=None
        Passed on to `fit`, `cv` and `scoring`.

    estimator : estimator, default=None
        An autoencoder, or a Pipeline with one, in which PCA takes its place for the comparison.
        None: ``AutoencoderTransformer()``. With ``ordered=True`` a fold needs one fit, but the
        answer is then about ordered components.

    n_components : int or sequence of int, default=None
        Numbers of components; an int stands for all numbers up to it. None: 1, 2, 4, 8, 16 and 32,
        as far as X has more features, and folds more rows to learn from.

    groups : array-like of shape (n_samples,), default=None
        Passed on to `cv`. Give them, with a splitter such as
        :class:`~sklearn.model_selection.GroupKFold`, where rows depend on each other.

    cv : int, cross-validation generator or iterable, default=None
        At least two folds; None: five, of shuffled rows.

    scoring : str, callable or None, default=None
        As for :func:`bottleneck_curve`: None is the share of variance that reconstructions explain.

    n_jobs : int or None, default=None
        Fits at once; -1 for as many as there are processors.

    random_state : int, RandomState instance or None, default=None
        Shuffles the rows, and is the seed of PCA and of the default `estimator`. Pass an int for
        the same result at every call; an `estimator` of your own needs a seed of its own.

    verbose : int, default=0
        1 or more prints the best score and the time of PCA and of the autoencoder in every fold.

    Returns
    -------
    comparison : :class:`~sklearn.utils.Bunch`
        With the attributes

        summary : str
            The answer, in one sentence. A second one says if a single feature of X has nearly all
            the variance and `estimator` is no Pipeline that could scale it.
        is_better : bool
            Whether the autoencoder is better beyond noise at the number recommended for it.
        n_components_pca, n_components_autoencoder : int
            The numbers that are recommended.
        better_at : ndarray of int
            All numbers at which it is better beyond noise, corrected for their multitude [3]_.
        difference : ndarray of shape (n_widths,)
            Mean over the folds of the autoencoder's score less PCA's, at every number.
        standard_error : ndarray of shape (n_widths,)
            Its standard error, corrected for what the folds have in common [2]_.
        p_value : ndarray of shape (n_widths,)
            Two-sided, of a t-test with one degree of freedom less than there are folds. Not
            corrected for the multitude of numbers: `is_better` rests on one of them, which the
            autoencoder's scores alone choose.
        curve : :class:`~sklearn.utils.Bunch`
            That of :func:`bottleneck_curve`, first of PCA, then of the autoencoder.

    Raises
    ------
    TypeError
        If the estimator has no `n_components`.
    ValueError
        If X or a parameter is not valid, if there is a single fold or if a score is not finite.

    See Also
    --------
    bottleneck_curve : Any estimators, and no test.

    Notes
    -----
    Training sets of a cross-validation overlap, so that the scores of the folds are no
    independent draws. The variance of the mean difference is taken to be ``1 / n_folds + n_test /
    n_train`` times that of the differences, where independent ones would have ``1 / n_folds``
    alone [2]_. Beyond noise is what has a p-value below 0.05. Differences of less than 1e-5 of
    the scores count as none: two solvers of the same problem may differ by as much.

    References
    ----------
    .. [1] Hastie, Tibshirani and Friedman (2009). The elements of statistical learning,
       section 7.10.
    .. [2] Nadeau and Bengio (2003). Inference for the generalization error. Machine Learning 52.
    .. [3] Holm (1979). A simple sequentially rejective multiple test procedure. Scandinavian
       Journal of Statistics 6.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae.model_selection import compare_with_pca
    >>> comparison = compare_with_pca(load_iris().data, random_state=0)
    >>> comparison.n_components_autoencoder
    2
    """
    check_verbose(verbose, "compare_with_pca")
    seeds = check_random_state(random_state).randint(2**31 - 1, size=3).tolist()
    X, y, groups = indexable(X, y, groups)
    splitter = KFold(5, shuffle=True, random_state=seeds[0]) if cv is None else check_cv(cv, y)
    folds = list(splitter.split(X, y, groups))
    if len(folds) < 2:
        raise ValueError("A comparison needs at least two folds, but cv gives one.")
    if estimator is None:
        estimator = AutoencoderTransformer(random_state=seeds[1])
    curve = bottleneck_curve(
        {"PCA": _with_pca(estimator, seeds[2]), _name(estimator): estimator},
        X,
        y,
        n_components=_default_widths(X, folds) if n_components is None else n_components,
        cv=folds,
        scoring=scoring,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    comparison = _conclude(curve, float(np.mean([len(test) / len(train) for train, test in folds])))
    if not isinstance(estimator, Pipeline):
        comparison.summary += _doubt_scales(X)
    return comparison


def _name(estimator: Any) -> str:
    name = reducer_name(estimator)
    if name == "PCA":
        raise ValueError("estimator must be another one than PCA, with which it is compared.")
    return name


def _with_pca(estimator: Any, seed: int) -> Any:
    """Return the estimator with PCA in the place of what reduces."""
    *path, _ = find_width_parameter(estimator).split("__")
    pca = PCA(random_state=seed)
    return clone(estimator).set_params(**{"__".join(path): pca}) if path else pca


def _default_widths(X: Any, folds: Sequence[tuple[NDArray, NDArray]]) -> list[int]:
    """Return the numbers of components with which there is something to be lost."""
    limit = min(np.prod(np.shape(X)[1:]), *(len(train) for train, _ in folds))
    widths = [width for width in WIDTHS if width < limit]
    if not widths:
        raise ValueError(
            f"X of shape {np.shape(X)} leaves nothing to reduce. Wanted are at least two features, "
            "and two rows to learn from in every fold."
        )
    return widths


def _doubt_scales(X: Any) -> str:
    """Return a sentence about a feature beside which others do not count, if there is one."""
    variances = np.asarray(X, dtype=np.float64).var(axis=0)
    largest = int(np.argmax(variances))
    share = variances[largest] / (variances.sum() or 1.0)
    if share < DOMINANT or len(variances) == 1:
        return ""
    return (
        f" Feature {largest} has {share:.3g} of the variance of X, so that both describe little "
        "else: scale X, or give a Pipeline with a StandardScaler."
    )


def _conclude(curve: Bunch, test_share: float) -> Bunch:
    """Return what the curves of PCA and of an autoencoder say."""
    pca, autoencoder = curve.test_scores.values()
    test = compare_pairs(pca, autoencoder, test_share)
    linear, nonlinear = (_recommend(scores, curve.n_components) for scores in (pca, autoencoder))
    is_above = test.difference > 0
    better_at = curve.n_components[is_above & (adjust_p_values(test.p_value) < LEVEL)]
    return Bunch(
        summary=_summarize(curve, test, linear, nonlinear, better_at),
        is_better=bool(is_above[nonlinear] and test.p_value[nonlinear] < LEVEL),
        n_components_pca=int(curve.n_components[linear]),
        n_components_autoencoder=int(curve.n_components[nonlinear]),
        better_at=better_at,
        **test._asdict(),
        curve=curve,
    )


def _recommend(scores: NDArray, widths: NDArray) -> int:
    """Return the index of the smallest width within one standard error of the best."""
    return find_smallest_close(scores.mean(axis=1), scores.std(axis=1), scores.shape[1], widths)


def _summarize(
    curve: Bunch, test: PairedTest, linear: int, nonlinear: int, better_at: NDArray
) -> str:
    """Return the answer as a sentence."""
    _, name = curve.test_scores
    pca, autoencoder = (scores.mean(axis=1)[nonlinear] for scores in curve.test_scores.values())
    widths = [_width(curve.n_components, index) for index in (nonlinear, linear)]
    is_same = linear == nonlinear
    told = f"{widths[0]} for both" if is_same else f"{widths[0]} for it, {widths[1]} for PCA"
    n_folds = curve.test_scores[name].shape[1]
    return (
        f"{name} {_judge(test, nonlinear, better_at, n_folds)}: with "
        f"n_components={curve.n_components[nonlinear]} its {curve.score_name} is "
        f"{autoencoder:.3g} and PCA's {pca:.3g}, {_describe(test, nonlinear)}; recommended "
        f"n_components: {told}."
    )


def _width(widths: NDArray, index: int) -> str:
    return f"{widths[index]} (the most tried)" if index == len(widths) - 1 else str(widths[index])


def _judge(test: PairedTest, index: int, better_at: NDArray, n_folds: int) -> str:
    """Return the predicate of the sentence."""
    is_proved, is_more = test.p_value[index] < LEVEL, test.difference[index] > 0
    if is_proved and is_more:
        return "is worth it here"
    if better_at.size:
        return f"is worth it here only at other widths ({', '.join(map(str, better_at))})"
    if is_more and _is_open(test, index):
        return f"may be worth it here, which {n_folds} folds do not prove"
    return "is worse than PCA here" if is_proved else "is not worth it here"


def _is_open(test: PairedTest, index: int) -> bool:
    """Whether more folds with such differences would prove what these do not."""
    is_large = abs(test.difference[index]) > 2 * test.standard_error[index]
    return bool(is_large and test.p_value[index] >= LEVEL)


def _describe(test: PairedTest, index: int) -> str:
    """Return what there is to say of a difference."""
    difference, error, p_value = (values[index] for values in test)
    if difference == 0 and error == 0:
        return "without any difference"
    p = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
    beyond = "that is beyond noise" if p_value < LEVEL else "that is within noise"
    verdict = "that needs more folds" if _is_open(test, index) else beyond
    return f"a difference of {difference:+.2g} ± {error:.2g} {verdict} ({p})"
