"""Scores over the number of components, of several estimators in the same folds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, indexable

from skae._folds import check_widths, find_width_parameter, score_widths
from skae._pipelines import steps_of
from skae._scikit_learn import validate_parameter_constraints
from skae.estimators import AutoencoderCV
from skae.metrics import reconstruction_r2_scorer, score_name


def bottleneck_curve(
    estimators: Mapping[str, Any] | Sequence[Any],
    X: ArrayLike,
    y: Any = None,
    *,
    n_components: int | Sequence[int] = (1, 2, 4, 8, 16),
    groups: Any = None,
    cv: Any = None,
    scoring: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Score estimators at several numbers of components, in the same folds.

    Every estimator is fitted once for each number and fold. One whose components are ordered,
    such as ``AutoencoderTransformer(ordered=True)``, alone or at the end of a Pipeline, is fitted
    once in each fold, with the largest number, and truncated: faster, and with higher errors
    than those of fits of one width.

    :class:`~skae.inspection.BottleneckCurveDisplay` draws the result.

    Parameters
    ----------
    estimators : dict of str to estimator, or sequence of estimator
        Reducers such as PCA or an autoencoder, or Pipelines with one; they are cloned. The
        `n_components` that varies is that of the last step that has one. Those of a sequence are
        named after the class of that step.

    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Data to cut into folds.

    y : array-like of shape (n_samples,), default=None
        Passed on to `fit`, `cv` and `scoring`.

    n_components : int or sequence of int, default=(1, 2, 4, 8, 16)
        Numbers of components, of which repeated ones count once; an int stands for all numbers up
        to it.

    groups : array-like of shape (n_samples,), default=None
        Passed on to `cv`.

    cv : int, cross-validation generator or iterable, default=None
        As for :func:`~sklearn.model_selection.validation_curve`: None is five folds, in the order
        of the rows. Many tables are sorted: shuffle, as ``KFold(shuffle=True)`` does.

    scoring : str, callable or None, default=None
        Called with a fitted estimator, X, and y if there is one; names are those of scikit-learn.
        None: :func:`~skae.metrics.reconstruction_r2_scorer`, the share of variance that
        reconstructions explain, by which PCA and autoencoders compare.

    n_jobs : int or None, default=None
        Fits at once; -1 for as many as there are processors.

    verbose : int, default=0
        1 or more prints the best score and the time of every estimator in every fold.

    Returns
    -------
    curve : :class:`~sklearn.utils.Bunch`
        With the attributes

        n_components : ndarray of shape (n_widths,)
            Numbers of components, in ascending order.
        test_scores : dict of ndarray of shape (n_widths, n_folds)
            Scores of every estimator on the rows left out.
        fit_times : dict of ndarray of shape (n_folds,)
            Seconds that all fits of an estimator took in a fold.
        score_name : str
            What the scores are.

    Raises
    ------
    TypeError
        If an estimator has no `n_components`, or chooses it by itself.
    ValueError
        If parameters or X are not valid, if there is no estimator, or if a score is not finite.

    See Also
    --------
    compare_with_pca : One autoencoder beside PCA, with an answer in words.
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


def check_verbose(verbose: Any, function: str) -> None:
    """Raise ValueError, in the name of a function, if it is neither a bool nor an int from 0 on."""
    validate_parameter_constraints({"verbose": ["verbose"]}, {"verbose": verbose}, function)


def reducer_name(estimator: Any) -> str:
    """Return the name of the class whose number of components varies."""
    *path, _ = find_width_parameter(estimator).split("__")
    step = estimator.get_params()["__".join(path)] if path else estimator
    return type(step).__name__


def _named(estimators: Any) -> dict[str, Any]:
    """Return the estimators by name; equal names get numbers."""
    if isinstance(estimators, Mapping):
        return dict(estimators)
    if not isinstance(estimators, Sequence) or isinstance(estimators, str):
        raise TypeError(
            "estimators must be a dict or a list of estimators. Got an instance of "
            f"{type(estimators).__name__} instead. A single one goes into a list."
        )
    names = [reducer_name(estimator) for estimator in estimators]
    numbered = [
        f"{name} {names[: i + 1].count(name)}" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]
    return dict(zip(numbered, estimators, strict=True))


def _check_reducer(estimator: Any) -> None:
    """Raise TypeError if there is no number of components to vary."""
    find_width_parameter(estimator)
    # a fitted one would stand for its best estimator
    if any(isinstance(step, AutoencoderCV) for step in steps_of(clone(estimator))):
        raise TypeError(
            "AutoencoderCV chooses n_components by itself, and has scores of its own. Draw them "
            "with BottleneckCurveDisplay.from_search, or give its estimator with ordered=True."
        )


def _check_finite(test_scores: Mapping[str, Any]) -> None:
    for name, scores in test_scores.items():
        if not np.isfinite(scores).all():
            raise ValueError(
                f"Scores must be finite, but those of {name} are {scores.tolist()}. Folds of a "
                "single row have no explained variance."
            )
