"""Choosing the number of components with one fit a fold."""

from __future__ import annotations

import time
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    TransformerMixin,
    clone,
)
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import get_tags, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skae._arrays import as_numpy
from skae._folds import Fold, check_widths, find_smallest_close, score_widths
from skae._scikit_learn import HasMethods, Interval, StrOptions, fit_context
from skae.estimators._autoencoder import AutoencoderTransformer
from skae.estimators._cv_results import means_and_deviations, summarize_scores
from skae.fitting._processes import check_alone
from skae.fitting._rollback import rolled_back_on_failure


def _is_refitted(estimator: Any) -> bool:
    if estimator.refit:
        return True
    raise AttributeError(
        f"This {type(estimator).__name__} has refit=False and thus no estimator for new rows. "
        "Set refit=True."
    )


def _has(method: str) -> Any:
    """Return a decorator of methods that are there if the refitted estimator has them."""

    def check(estimator: Any) -> bool:
        return _is_refitted(estimator) and hasattr(estimator._template(), method)

    return available_if(check)


class AutoencoderCV(MetaEstimatorMixin, TransformerMixin, BaseEstimator):
    """An autoencoder whose number of components is chosen by cross-validation.

    The codes of an estimator with ``ordered=True`` can be cut off at any length. So each fold
    takes a single fit, with the largest number of components, where
    :class:`~sklearn.model_selection.GridSearchCV` fits every candidate. The estimator is then
    fitted to all rows with the number that was chosen.

    Read more in the :doc:`user guide </user_guide/ordered_codes>`.

    Parameters
    ----------
    n_components : int or array-like of int, default=(1, 2, 4, 8, 16)
        Numbers of components to compare; an int stands for all numbers up to it.

    estimator : estimator, default=None
        An autoencoder with the parameter `ordered`. None:
        ``AutoencoderTransformer()``. Its own `n_components` does not count, and its own `ordered`
        only for the last fit: without order, the error at the chosen number is lower.

    cv : int, cross-validation generator or iterable, default=None
        As for :class:`~sklearn.model_selection.GridSearchCV`: None is five folds, in the order
        of the rows.

    scoring : callable or None, default=None
        Called with a fitted estimator, X and y, such as the scorers in :mod:`skae.metrics`; those
        that scikit-learn knows by name need a `predict`. None: the estimator's `score`, the share
        of variance explained, for which a fold needs two rows.

    selection : {"best", "one_standard_error"}, default="best"
        Which number to choose: that with the highest mean score, or the smallest one whose mean
        score is at most one standard error, over the folds, below that [1]_.

    refit : bool, default=True
        Whether to fit the estimator to all rows with the number that was chosen.

    n_jobs : int or None, default=None
        Folds that are fitted at once; -1 for as many as there are processors.

    verbose : int, default=0
        1 or more prints the best score and the time of every fold. What single fits print is for
        the estimator's own `verbose`.

    Attributes
    ----------
    cv_results_ : dict of arrays
        Has the keys of :class:`~sklearn.model_selection.GridSearchCV`; entry i is for the i-th
        number. The time of a fit is the same for all.

    pca_cv_results_ : dict of arrays
        The scores of the estimator's linear start in the same folds: of PCA, unless a loss or a
        corruption makes it start at something else.

    best_index_ : int
        Index of what was chosen in the arrays of `cv_results_`.

    best_params_ : dict
        What was chosen.

    best_score_ : float
        Its mean score.

    n_components_ : int
        The number that was chosen.

    best_estimator_ : estimator
        Fitted to all rows with that number. Only if `refit` is true.

    refit_time_ : float
        Seconds which that fit took. Only if `refit` is true.

    scorer_ : callable
        Called with an estimator, X and y.

    n_splits_ : int
        Number of folds.

    n_features_in_ : int
        Number of features seen during :term:`fit`. Only if `refit` is true.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Only if `refit` is true and X has names that are all strings.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : For other parameters; it may be given this estimator.

    Notes
    -----
    Scores are those of ordered codes, whose error is some tens of per cent above that of fits of
    one width, most so at middle widths: `best_estimator_` does better than `best_score_` says.

    The share of variance explained rises with the number of components for as long as they carry
    anything, so that the largest number often is the best, as with PCA. For a small code, look for
    the bend in the scores, use ``selection="one_standard_error"``, or score what the codes are
    for, such as the accuracy of a classifier.

    References
    ----------
    .. [1] Hastie, Tibshirani and Friedman (2009). The elements of statistical learning,
       section 7.10.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderCV, AutoencoderTransformer
    >>> X = load_digits().data[:500]
    >>> search = AutoencoderCV(
    ...     n_components=[1, 4, 16], estimator=AutoencoderTransformer(max_iter=20, random_state=0)
    ... ).fit(X)
    >>> search.n_components_
    16
    >>> search.transform(X).shape
    (500, 16)
    """

    # scikit-learn's representation in notebooks describes parameters that have a link
    _doc_link_module = "skae"
    _doc_link_template = "#skae.{estimator_name}"
    _parameter_constraints: dict[str, list[Any]] = {
        "n_components": ["array-like", Interval(Integral, 1, None, closed="left")],
        "estimator": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "cv": ["cv_object"],
        "scoring": [callable, None],
        "selection": [StrOptions({"best", "one_standard_error"})],
        "refit": ["boolean"],
        "n_jobs": [int, np.integer, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_components: int | Sequence[int] = (1, 2, 4, 8, 16),
        *,
        estimator: Any = None,
        cv: Any = None,
        scoring: Any = None,
        selection: Literal["best", "one_standard_error"] = "best",
        refit: bool = True,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.estimator = estimator
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.refit = refit
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        of_estimator = get_tags(self._template())
        tags.input_tags = of_estimator.input_tags
        tags.transformer_tags = of_estimator.transformer_tags
        return tags

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: Any = None, groups: Any = None) -> Self:
        """Choose the number of components, and fit the estimator with it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,), default=None
            Passed on to `cv` and `scoring`; nothing is learned from it.
        groups : array-like of shape (n_samples,), default=None
            Passed on to `cv`.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If X or a parameter is not valid, if a training diverges, or if no score is a number.
        TypeError
            If the estimator cannot be ordered.
        """
        check_alone(self)
        with rolled_back_on_failure(self):
            self._search(X, y, groups)
        return self

    def _search(self, X: Any, y: Any, groups: Any) -> None:
        """Fit the folds, and then the estimator."""
        for name in ("best_estimator_", "refit_time_"):
            self.__dict__.pop(name, None)
        widths, template = check_widths(self.n_components), self._check_template()
        # the last fit gets X as it was given: a dataframe has names of features
        given = X
        X, y, groups = map(as_numpy, (X, y, groups))
        X, y, groups = indexable(X, y, groups)
        self.scorer_ = check_scoring(template, self.scoring)
        widest = clone(template).set_params(n_components=max(widths), ordered=True)
        # without a training, the estimator is its linear start
        start = clone(widest).set_params(max_iter=0)
        folds = list(check_cv(self.cv, y).split(X, y, groups))
        name = type(template).__name__
        names = (name, f"{name}, its start") if self.verbose else ()
        results, start_results = score_widths(
            [widest, start], X, y, folds, self.scorer_, widths, self.n_jobs, names
        )
        self._set_results(results, start_results, widths)
        if self.refit:
            began = time.perf_counter()
            self.best_estimator_ = clone(template).set_params(n_components=self.n_components_)
            self.best_estimator_.fit(given)
            self.refit_time_ = time.perf_counter() - began

    def _template(self) -> Any:
        return AutoencoderTransformer() if self.estimator is None else self.estimator

    def _check_template(self) -> Any:
        """Return the estimator to fit, if one fit of it can serve every width."""
        estimator = self._template()
        parameters = estimator.get_params(deep=False)
        if "ordered" not in parameters:
            raise TypeError(
                "estimator must be an autoencoder with the parameter 'ordered'. Got an instance "
                f"of {type(estimator).__name__} instead. A Pipeline goes around AutoencoderCV."
            )
        if parameters["warm_start"] is not False:
            raise ValueError(
                "estimator must have warm_start=False: the networks that are fitted have other "
                "shapes than one that is there."
            )
        return estimator

    def _set_results(self, folds: list[Fold], start_folds: list[Fold], widths: list[int]) -> None:
        """Set what was found in the folds, of the estimator and of its linear start."""
        self.n_splits_ = len(folds)
        params: dict[str, Any] = {
            "param_n_components": MaskedArray(widths, mask=False),
            "params": [{"n_components": width} for width in widths],
        }
        # one fit of a fold serves all widths: (n_folds, 1) -> (n_folds, n_widths)
        fit_times = np.repeat([[fold.fit_time] for fold in folds], len(widths), axis=1)
        times = means_and_deviations("fit_time", fit_times)
        times |= means_and_deviations("score_time", np.array([fold.score_times for fold in folds]))
        self.cv_results_ = times | params | summarize_scores([fold.scores for fold in folds])
        self.pca_cv_results_ = params | summarize_scores([fold.scores for fold in start_folds])
        self.best_index_ = self._find_best(np.array(widths))
        self.n_components_ = widths[self.best_index_]
        self.best_params_ = params["params"][self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])

    def _find_best(self, widths: NDArray) -> int:
        """Return the index of the width to choose."""
        # a score that is not a number is the worst
        means = np.nan_to_num(self.cv_results_["mean_test_score"], nan=-np.inf)
        if self.selection == "best":
            return int(np.argmax(means))
        deviations = self.cv_results_["std_test_score"]
        return find_smallest_close(means, deviations, self.n_splits_, widths)

    # not by `available_if`, which set_output would undo
    def transform(self, X: ArrayLike) -> NDArray:
        """Encode X with the refitted estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, `n_components_`)
            Codes, in the dtype of X if that is float32, else in float64.

        Raises
        ------
        AttributeError
            With ``refit=False``.
        """
        _is_refitted(self)
        check_is_fitted(self)
        return self.best_estimator_.transform(X)

    @_has("inverse_transform")
    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Decode codes with the refitted estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, `n_components_`)
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, in the units of the training data.
        """
        check_is_fitted(self)
        return self.best_estimator_.inverse_transform(X)

    @_has("reconstruct")
    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Encode X and decode the codes with the refitted estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            As `inverse_transform` of `transform` gives it.
        """
        check_is_fitted(self)
        return self.best_estimator_.reconstruct(X)

    @_has("score_samples")
    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return the refitted estimator's score of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            As the estimator's own `score_samples` gives them.
        """
        check_is_fitted(self)
        return self.best_estimator_.score_samples(X)

    @_has("sample")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> NDArray:
        """Draw new rows from the refitted estimator.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Pass an int for the same rows at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Expected values of the rows.
        """
        check_is_fitted(self)
        return self.best_estimator_.sample(n_samples, random_state)

    @available_if(_is_refitted)
    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the score of the refitted estimator, by `scoring`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.
        y : array-like of shape (n_samples,), default=None
            Passed on to `scoring`.

        Returns
        -------
        score : float
            The higher the better.
        """
        check_is_fitted(self)
        if y is None:
            return self.scorer_(self.best_estimator_, X)
        return self.scorer_(self.best_estimator_, X, y)

    @available_if(_is_refitted)
    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return the names of the components.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str of shape (`n_components_`,)
            The class of the refitted estimator in lower case, with a number.
        """
        check_is_fitted(self)
        return self.best_estimator_.get_feature_names_out(input_features)

    @property
    def n_features_in_(self) -> int:
        """Number of features seen during fit."""
        return self._fitted_attribute("n_features_in_")

    @property
    def feature_names_in_(self) -> NDArray:
        """Names of the features."""
        return self._fitted_attribute("feature_names_in_")

    def _fitted_attribute(self, name: str) -> Any:
        if not hasattr(self, "best_estimator_"):
            raise AttributeError(f"{type(self).__name__} has no {name} before a fit with refit.")
        return getattr(self.best_estimator_, name)
