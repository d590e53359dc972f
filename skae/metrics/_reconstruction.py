"""Reconstruction errors and scorers for anything with `transform` and `inverse_transform`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from skae._arrays import as_numpy
from skae._types import Reducer, Scorer

Features = Literal["original", "standardized"]


def reconstruction_error(
    estimator: Reducer,
    X: ArrayLike,
    *,
    features: Features = "original",
    multioutput: Literal["sum", "raw_values"] = "sum",
) -> float | NDArray:
    """Return the squared error of the reconstruction of X, per row.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`; a Pipeline may be given.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct. Images are treated as rows of pixels.
    features : {"original", "standardized"}, default="original"
        "original" takes squared errors in X's own units. "standardized" divides them by the
        variance of each feature in this X, and leaves out features that are constant in it.
    multioutput : {"sum", "raw_values"}, default="sum"
        "raw_values" gives the error of every feature, as in `sklearn.metrics.mean_squared_error`.

    Returns
    -------
    error : float or ndarray of shape (n_features,)
        The squared error averaged over the rows and summed over the features or, with
        "raw_values", one value per feature, which is 0 for a feature that is left out.

    Raises
    ------
    TypeError
        If the estimator has no `transform` or no `inverse_transform`.
    ValueError
        If a parameter has another value, or if X is not valid. X in blocks is not supported; the
        estimators of this package have a `score` for it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> X = load_iris().data
    >>> pca = PCA(n_components=2).fit(X)
    >>> round(reconstruction_error(pca, X), 3)
    0.101
    >>> round(reconstruction_error(pca, X, features="standardized"), 3)
    0.267
    >>> reconstruction_error(pca, X, multioutput="raw_values").round(3)
    array([0.029, 0.03 , 0.006, 0.037])
    """
    _check_choice("features", features, "original", "standardized")
    _check_choice("multioutput", multioutput, "sum", "raw_values")
    X, reconstruction = there_and_back(estimator, X)
    errors = np.square(X - reconstruction).mean(axis=0)
    if features == "standardized":
        varies = find_varying(X)
        errors = np.divide(errors, X.var(axis=0), out=np.zeros_like(errors), where=varies)
    return errors if multioutput == "raw_values" else float(errors.sum())


def reconstruction_r2(
    estimator: Reducer,
    X: ArrayLike,
    *,
    multioutput: Literal[
        "variance_weighted", "uniform_average", "raw_values"
    ] = "variance_weighted",
) -> float | NDArray:
    """Return the share of the variance of X that its reconstruction explains.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`; a Pipeline may be given.
    X : array-like of shape (n_samples, n_features)
        Rows to reconstruct, at least two.
    multioutput : {"variance_weighted", "uniform_average", "raw_values"}, \
            default="variance_weighted"
        As in `sklearn.metrics.r2_score`. "variance_weighted" weights features by their variance;
        for PCA on its training data, this is the sum of `explained_variance_ratio_`.
        "uniform_average" gives all features the same weight, as if they were standardised.
        "raw_values" gives the share of every feature.

    Returns
    -------
    r2 : float or ndarray of shape (n_features,)
        At most 1. The variance is taken around the feature means of this X.

    Raises
    ------
    TypeError
        If the estimator has no `transform` or no `inverse_transform`.
    ValueError
        If `multioutput` has another value, or if X is not valid. X in blocks is not supported; the
        estimators of this package have a `score` for it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> X = load_iris().data
    >>> pca = PCA(n_components=2).fit(X)
    >>> bool(np.isclose(reconstruction_r2(pca, X), pca.explained_variance_ratio_.sum()))
    True
    """
    _check_choice("multioutput", multioutput, "variance_weighted", "uniform_average", "raw_values")
    X, reconstruction = there_and_back(estimator, X)
    r2 = r2_score(X, reconstruction, multioutput=multioutput)
    return r2 if multioutput == "raw_values" else float(r2)


def neg_reconstruction_error_scorer(estimator: Reducer, X: ArrayLike, y: object = None) -> float:
    """Score by `reconstruction_error` in X's own units, with a minus sign.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct. Images are treated as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        The higher the better.
    """
    return -float(reconstruction_error(estimator, X))


def neg_standardized_reconstruction_error_scorer(
    estimator: Reducer, X: ArrayLike, y: object = None
) -> float:
    """Score by `reconstruction_error` with standardised features, with a minus sign.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct. Images are treated as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        The higher the better.
    """
    return -float(reconstruction_error(estimator, X, features="standardized"))


def reconstruction_r2_scorer(estimator: Reducer, X: ArrayLike, y: object = None) -> float:
    """Score by `reconstruction_r2`, weighted by variance.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct. Images are treated as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        At most 1; the higher the better.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> search = GridSearchCV(
    ...     PCA(), {"n_components": [1, 2, 3]}, scoring=reconstruction_r2_scorer
    ... )
    >>> search.fit(load_iris().data).best_params_
    {'n_components': 3}
    """
    return float(reconstruction_r2(estimator, X))


def standardized_reconstruction_r2_scorer(
    estimator: Reducer, X: ArrayLike, y: object = None
) -> float:
    """Score by `reconstruction_r2` with the same weight for all features.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct. Images are treated as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        At most 1; the higher the better.
    """
    return float(reconstruction_r2(estimator, X, multioutput="uniform_average"))


def find_varying(X: NDArray) -> NDArray[np.bool_]:
    """Return a mask of the features whose values differ by more than rounding errors.

    Parameters
    ----------
    X : array of shape (n_samples, ...)

    Returns
    -------
    varies : array of bool of the shape of a row
    """
    # the range, since the variance of equal numbers may be rounded to more than 0
    return np.ptp(X, axis=0) > 8 * np.finfo(X.dtype).eps * np.abs(X).max(axis=0)


def score_name(scoring: str | Scorer) -> str:
    """Return the quantity that a scorer measures as words for an axis label."""
    if scoring is reconstruction_r2_scorer:
        return "explained variance (R²)"
    if scoring is standardized_reconstruction_r2_scorer:
        return "standardised explained variance (R²)"
    name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "<lambda>")
    return name.replace("<lambda>", "score").removesuffix("_scorer").replace("_", " ").strip()


def there_and_back(estimator: Reducer, X: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return X and its reconstruction, both of shape (n_samples, n_features) and in float64.

    Raises
    ------
    TypeError
        If the estimator has no `transform` or no `inverse_transform`.
    ValueError
        If X is in blocks, or if the reconstruction has another number of features.
    """
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                f"Reconstructing X needs an estimator with transform and inverse_transform, but "
                f"{type(estimator).__name__} has no {method}."
            )
    # for X in blocks, estimators of this package return an iterator of codes
    codes = estimator.transform(X)
    if isinstance(codes, Iterator):
        raise ValueError(
            f"X is in blocks, but metrics of reconstructions need X as one array. Join the blocks, "
            f"or call {type(estimator).__name__}.score(X), which reads X block by block."
        )
    reconstruction = estimator.inverse_transform(codes)
    rows, reconstructed = _as_rows(X), _as_rows(reconstruction)
    if rows.shape != reconstructed.shape:
        raise ValueError(
            f"X has {rows.shape[1]} features, but its reconstruction by "
            f"{type(estimator).__name__} has {reconstructed.shape[1]}."
        )
    return rows, reconstructed


def _check_choice(name: str, value: object, *choices: str) -> None:
    # isinstance first: an array compared with a string gives an array
    if not isinstance(value, str) or value not in choices:
        *first, last = map(repr, choices)
        wanted = f"{', '.join(first)} or {last}"
        raise ValueError(f"{name} must be {wanted}. Got {value!r} instead.")


def _as_rows(X: ArrayLike) -> NDArray:
    """Return X in float64, with images flattened to rows of pixels."""
    rows: NDArray = check_array(as_numpy(X), dtype=np.float64, allow_nd=True)
    return rows.reshape(len(rows), -1)
