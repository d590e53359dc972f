"""Scores of several estimators over the number of components, in the same folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, indexable

from skae._folds import check_widths, find_width_parameter, score_widths
from skae._pipelines import steps_of
from skae._scikit_learn import validate_parameter_constraints
from skae._types import CV, Estimator, Scorer
from skae.estimators import AutoencoderCV
from skae.metrics import reconstruction_r2_scorer, score_name


def bottleneck_curve(
    estimators: Mapping[str, Estimator] | Sequence[Estimator],
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    n_components: int | Sequence[int] = (1, 2, 4, 8, 16),
    groups: ArrayLike | None = None,
    cv: CV = None,
    scoring: str | Scorer | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Score estimators at several numbers of components, in the same folds.

    Every estimator is fitted once for each number of components and fold. An estimator with ordered
    components, such as ``AutoencoderTransformer(ordered=True)``, alone or at the end of a Pipeline,
    is fitted only once per fold, with the largest number, and truncated. This is faster, but its
    errors are higher than those of a fit for one width.

    :class:`~skae.inspection.BottleneckCurveDisplay` draws the result.

    Parameters
    ----------
    estimators : dict of str to estimator, or sequence of estimator
        Reducers such as PCA or an autoencoder, or Pipelines with one; they are cloned. In a
        Pipeline, the `n_components` of the last step that has one is varied. In a sequence,
        estimators are named after the class of this reducer.

    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Data to cut into folds.

    y : array-like of shape (n_samples,), default=None
        Passed to `fit`, `cv` and `scoring`.

    n_components : int or sequence of int, default=(1, 2, 4, 8, 16)
        Numbers of components; duplicates are left out. An int n stands for the numbers from 1 to n.

    groups : array-like of shape (n_samples,), default=None
        Passed to `cv`.

    cv : int, cross-validation generator or iterable, default=None
        As for :func:`~sklearn.model_selection.validation_curve`. None: five folds in the order of
        the rows. If the table is sorted, shuffle it, for example with ``KFold(shuffle=True)``.

    scoring : str, callable or None, default=None
        The name of one of scikit-learn's scorers, or a function that is called with a fitted
        estimator, X, and y if there is one. None: :func:`~skae.metrics.reconstruction_r2_scorer`,
        the share of variance that reconstructions explain, which suits PCA and autoencoders.

    n_jobs : int or None, default=None
        Number of parallel jobs; -1 uses all processors.

    verbose : int, default=0
        1 or more prints the best score and the time of every estimator in every fold.

    Returns
    -------
    curve : :class:`~sklearn.utils.Bunch`
        With the attributes

        n_components : ndarray of shape (n_widths,)
            Numbers of components, in ascending order.
        test_scores : dict of ndarray of shape (n_widths, n_folds)
            Scores of every estimator on the test rows.
        fit_times : dict of ndarray of shape (n_folds,)
            Seconds that all fits of an estimator took in a fold.
        score_name : str
            The name of the score, for an axis label.

    Raises
    ------
    TypeError
        If an estimator has no `n_components`, or chooses it itself, as AutoencoderCV does.
    ValueError
        If parameters or X are not valid, if there is no estimator, or if a score is not finite.

    See Also
    --------
    compare_with_pca : Compares one autoencoder with PCA and answers in words.
    skae.AutoencoderCV : Chooses the number of components.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import KFold
    >>> from skae import AutoencoderTransformer
    >>> from skae.model_selection import bottleneck_curve
    >>> curve = bottleneck_curve(
    ...     [PCA(), AutoencoderTransformer(max_iter=5, random_state=0)],
    ...     load_iris().data,
    ...     n_components=[1, 2, 3],
    ...     cv=KFold(5, shuffle=True, random_state=0),
    ... )
    >>> curve.test_scores["PCA"].mean(axis=1).round(3)
    array([0.916, 0.975, 0.994])
    """
    check_verbose(verbose, "bottleneck_curve")
    named = _named(estimators)
    if not named:
        raise ValueError(
            f"estimators must have at least one estimator. Got {estimators!r} instead."
        )
    for estimator in named.values():
        _check_reducer(estimator)
    widths = sorted(check_widths(n_components))
    scoring = reconstruction_r2_scorer if scoring is None else scoring
    X, y, groups = indexable(X, y, groups)
    folds = list(check_cv(cv, y).split(X, y, groups))
    scorer, names = get_scorer(scoring), list(named) if verbose else ()
    results = score_widths([*named.values()], X, y, folds, scorer, widths, n_jobs, names)
    # scores of a fold have shape (n_widths,); transposed to (n_widths, n_folds)
    test_scores = {
        name: np.array([fold.scores for fold in result]).T
        for name, result in zip(named, results, strict=True)
    }
    _check_finite(test_scores)
    fit_times = {
        name: np.array([fold.fit_time for fold in result])
        for name, result in zip(named, results, strict=True)
    }
    return Bunch(
        n_components=np.array(widths),
        test_scores=test_scores,
        fit_times=fit_times,
        score_name=score_name(scoring),
    )


def check_verbose(verbose: object, function: str) -> None:
    """Raise ValueError if `verbose` is neither a bool nor an int of at least 0.

    The message names the function whose parameter it is.
    """
    validate_parameter_constraints({"verbose": ["verbose"]}, {"verbose": verbose}, function)


def reducer_name(estimator: Estimator) -> str:
    """Return the class name of the estimator or step whose `n_components` is varied."""
    *path, _ = find_width_parameter(estimator).split("__")
    step = estimator.get_params()["__".join(path)] if path else estimator
    return type(step).__name__


def _named(
    estimators: Mapping[str, Estimator] | Sequence[Estimator],
) -> dict[str, Estimator]:
    """Return the estimators by name; equal names are numbered, as in "PCA 1" and "PCA 2"."""
    if isinstance(estimators, Mapping):
        return dict(estimators)
    if not isinstance(estimators, Sequence) or isinstance(estimators, str):
        raise TypeError(
            "estimators must be a dict or a list of estimators. Got an instance of "
            f"{type(estimators).__name__} instead. Put a single estimator into a list."
        )
    names = [reducer_name(estimator) for estimator in estimators]
    numbered = [
        f"{name} {names[: i + 1].count(name)}" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]
    return dict(zip(numbered, estimators, strict=True))


def _check_reducer(estimator: Estimator) -> None:
    """Raise TypeError if the estimator has no `n_components`, or chooses it itself."""
    find_width_parameter(estimator)
    # cloned, since steps_of replaces a fitted AutoencoderCV by its best estimator
    if any(isinstance(step, AutoencoderCV) for step in steps_of(clone(estimator))):
        raise TypeError(
            "AutoencoderCV chooses n_components by itself and keeps the scores. Draw them with "
            "BottleneckCurveDisplay.from_search, or give its estimator with ordered=True instead."
        )


def _check_finite(test_scores: Mapping[str, NDArray]) -> None:
    for name, scores in test_scores.items():
        if not np.isfinite(scores).all():
            raise ValueError(
                f"Scores must be finite, but those of {name} are {scores.tolist()}. If test folds "
                "have a single row, explained variance is not defined: use fewer folds."
            )
