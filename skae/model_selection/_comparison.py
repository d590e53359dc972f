"""Comparison of an autoencoder with PCA, and the recommended number of components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_random_state, indexable

from skae._folds import find_smallest_close, find_width_parameter
from skae._types import CV, Estimator, Scorer, Seed
from skae.estimators import AutoencoderTransformer
from skae.model_selection._bottleneck_curve import bottleneck_curve, check_verbose, reducer_name
from skae.model_selection._paired_test import PairedTest, adjust_p_values, compare_pairs

WIDTHS = (1, 2, 4, 8, 16, 32)
"""The default numbers of components; those not below the number of features or rows are dropped."""
LEVEL = 0.05
"""Significance level: differences with smaller p-values are called beyond noise."""
DOMINANT = 0.95
"""A feature with at least this share of the variance of X decides alone, and causes a hint."""


def compare_with_pca(
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    estimator: Estimator | None = None,
    n_components: int | Sequence[int] | None = None,
    groups: ArrayLike | None = None,
    cv: CV = None,
    scoring: str | Scorer | None = None,
    n_jobs: int | None = None,
    random_state: Seed = None,
    verbose: int = 0,
) -> Bunch:
    """Compare an autoencoder with PCA on X, and recommend a number of components for each.

    Both are scored on the test rows of the same folds, at the same numbers of components. For
    each, the recommended number is the smallest one whose mean score is at most one standard error
    below the best [1]_. At the number recommended for the autoencoder, the difference to PCA is
    tested over the folds.

    :meth:`~skae.inspection.BottleneckCurveDisplay.from_comparison` draws the result.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Data to cut into folds. It should be scaled as for PCA, since features with large variance
        dominate.

    y : array-like of shape (n_samples,), default=None
        Passed to `fit`, `cv` and `scoring`.

    estimator : estimator, default=None
        An autoencoder, or a Pipeline with one; it is compared with the same Pipeline with PCA in
        its place. None: ``AutoencoderTransformer()``. With ``ordered=True``, one fit per fold
        suffices, but the answer is then about ordered components.

    n_components : int or sequence of int, default=None
        Numbers of components. An int n stands for the numbers from 1 to n. None: those of 1, 2, 4,
        8, 16 and 32 that are below the number of features and of training rows.

    groups : array-like of shape (n_samples,), default=None
        Passed to `cv`. If rows depend on each other, give their groups and a splitter such as
        :class:`~sklearn.model_selection.GroupKFold`.

    cv : int, cross-validation generator or iterable, default=None
        At least two folds. None: five folds of shuffled rows.

    scoring : str, callable or None, default=None
        As for :func:`bottleneck_curve`. None: the share of variance that reconstructions explain.

    n_jobs : int or None, default=None
        Number of parallel jobs; -1 uses all processors.

    random_state : int, RandomState instance or None, default=None
        Shuffles the rows, and seeds PCA and the default `estimator`. Pass an int for reproducible
        results. An `estimator` that you give has its own `random_state`.

    verbose : int, default=0
        1 or more prints the best score and the time of PCA and of the autoencoder in every fold.

    Returns
    -------
    comparison : :class:`~sklearn.utils.Bunch`
        With the attributes

        summary : str
            The answer in one sentence. A second sentence follows if a single feature of X has
            nearly all of the variance and `estimator` is no Pipeline, which could scale X.
        is_better : bool
            Whether the autoencoder is significantly better at the number recommended for it.
        n_components_pca, n_components_autoencoder : int
            The recommended numbers of components.
        better_at : ndarray of int
            All numbers of components at which the autoencoder is significantly better, after
            Holm's correction for several tests [3]_.
        difference : ndarray of shape (n_widths,)
            The autoencoder's score minus PCA's, averaged over the folds, at every number.
        standard_error : ndarray of shape (n_widths,)
            Standard error of the difference, corrected for the overlap of training sets [2]_.
        p_value : ndarray of shape (n_widths,)
            Two-sided p-values of a t-test with ``n_folds - 1`` degrees of freedom. They are not
            corrected for several tests: `is_better` uses only one of them, and the
            autoencoder's scores alone choose which.
        curve : :class:`~sklearn.utils.Bunch`
            The result of :func:`bottleneck_curve`, with PCA first and the autoencoder second.

    Raises
    ------
    TypeError
        If the estimator has no `n_components`.
    ValueError
        If X or a parameter is not valid, if there is a single fold, or if a score is not finite.

    See Also
    --------
    bottleneck_curve : Scores any number of estimators, without a test.

    Notes
    -----
    Training sets of a cross-validation overlap, so that the scores of the folds are not
    independent. The variance of the mean difference is taken to be ``1 / n_folds + n_test /
    n_train`` times the variance of the differences; for independent differences it would be
    ``1 / n_folds`` times [2]_. A difference is significant, or "beyond noise", if its p-value is
    below 0.05. Differences below 1e-5 of the scores are set to zero, since two solvers of the same
    problem may differ by as much.

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
    # one seed each for the folds, the autoencoder and PCA
    seeds = check_random_state(random_state).randint(2**31 - 1, size=3).tolist()
    X, y, groups = indexable(X, y, groups)
    splitter = KFold(5, shuffle=True, random_state=seeds[0]) if cv is None else check_cv(cv, y)
    folds = list(splitter.split(X, y, groups))
    if len(folds) < 2:
        raise ValueError(f"cv must give at least two folds. Got {len(folds)} instead.")
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
    # a Pipeline may scale X, so that the variances of X say nothing
    if not isinstance(estimator, Pipeline):
        comparison.summary += _doubt_scales(X)
    return comparison


def _name(estimator: Estimator) -> str:
    name = reducer_name(estimator)
    if name == "PCA":
        raise ValueError("estimator must not be PCA, with which it is compared.")
    return name


def _with_pca(estimator: Estimator, seed: int) -> Estimator:
    """Return PCA or, for a Pipeline, a copy of it with PCA in place of its reducer."""
    *path, _ = find_width_parameter(estimator).split("__")
    pca: Estimator = PCA(random_state=seed)
    copied: Estimator = clone(estimator)
    return copied.set_params(**{"__".join(path): pca}) if path else pca


def _default_widths(X: ArrayLike, folds: Sequence[tuple[NDArray, NDArray]]) -> list[int]:
    """Return the default numbers of components below those of features and of training rows."""
    limit: int = min(int(np.prod(np.shape(X)[1:])), *(len(train) for train, _ in folds))
    widths = [width for width in WIDTHS if width < limit]
    if not widths:
        raise ValueError(
            f"X of shape {np.shape(X)} leaves nothing to reduce. Give at least two features, and "
            "folds with at least two training rows."
        )
    return widths


def _doubt_scales(X: ArrayLike) -> str:
    """Return a sentence about a feature with nearly all of the variance, or an empty string."""
    variances = np.asarray(X, dtype=np.float64).var(axis=0)
    largest = int(np.argmax(variances))
    # "or 1.0" for constant X, where the share is then 0
    share = variances[largest] / (variances.sum() or 1.0)
    if share < DOMINANT or len(variances) == 1:
        return ""
    return (
        f" Feature {largest} has {share:.3g} of the variance of X, so that both describe little "
        "else: scale X, or give a Pipeline with a StandardScaler."
    )


def _conclude(curve: Bunch, test_share: float) -> Bunch:
    """Test the differences between the two curves, and recommend a width for each."""
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
    """Return the summary as a sentence."""
    _, name = curve.test_scores
    pca, autoencoder = (scores.mean(axis=1)[nonlinear] for scores in curve.test_scores.values())
    widths = [_width(curve.n_components, index) for index in (nonlinear, linear)]
    is_same = linear == nonlinear
    text = f"{widths[0]} for both" if is_same else f"{widths[0]} for it, {widths[1]} for PCA"
    n_folds = curve.test_scores[name].shape[1]
    return (
        f"{name} {_judge(test, nonlinear, better_at, n_folds)}: with "
        f"n_components={curve.n_components[nonlinear]} its {curve.score_name} is "
        f"{autoencoder:.3g} and PCA's {pca:.3g}, {_describe(test, nonlinear)}; recommended "
        f"n_components: {text}."
    )


def _width(widths: NDArray, index: int) -> str:
    return f"{widths[index]} (the most tried)" if index == len(widths) - 1 else str(widths[index])


def _judge(test: PairedTest, index: int, better_at: NDArray, n_folds: int) -> str:
    """Return the predicate of the summary: whether the autoencoder is worth it."""
    is_proved, is_more = test.p_value[index] < LEVEL, test.difference[index] > 0
    if is_proved and is_more:
        return "is worth it here"
    if better_at.size:
        return f"is worth it here only at other widths ({', '.join(map(str, better_at))})"
    if is_more and _is_open(test, index):
        return f"may be worth it here, which {n_folds} folds do not prove"
    return "is worse than PCA here" if is_proved else "is not worth it here"


def _is_open(test: PairedTest, index: int) -> bool:
    """Return whether a difference is not significant only because there are too few folds."""
    # twice the standard error is significant if there are many folds
    is_large = abs(test.difference[index]) > 2 * test.standard_error[index]
    return bool(is_large and test.p_value[index] >= LEVEL)


def _describe(test: PairedTest, index: int) -> str:
    """Return the difference, its standard error and its p-value in words."""
    difference, error, p_value = (values[index] for values in test)
    if difference == 0 and error == 0:
        return "without any difference"
    p = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
    beyond = "that is beyond noise" if p_value < LEVEL else "that is within noise"
    verdict = "that needs more folds" if _is_open(test, index) else beyond
    return f"a difference of {difference:+.2g} ± {error:.2g} {verdict} ({p})"
