"""Reconstruction errors and scorers for anything with `transform` and `inverse_transform`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from skae._arrays import as_numpy

Features = Literal["original", "standardized"]


def reconstruction_error(
    estimator: Any,
    X: ArrayLike,
    *,
    features: Features = "original",
    multioutput: Literal["sum", "raw_values"] = "sum",
) -> float | NDArray:
    """Return the mean squared error per row of the reconstruction of X.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`; a Pipeline may be given.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct; images count as rows of pixels.
    features : {"original", "standardized"}, default="original"
        Whether squared errors are taken in X's own units, or divided by the variance that each
        feature has in this X. A feature that is constant in X is then left out.
    multioutput : {"sum", "raw_values"}, default="sum"
        "raw_values" gives the error of every feature, as in `sklearn.metrics.mean_squared_error`.

    Returns
    -------
    error : float or ndarray of shape (n_features,)
        Averaged over the rows, and summed over the features unless they are asked for one by one.
        Of those that are left out it is 0 then.

    Raises
    ------
    TypeError
        If the estimator has no `transform` or no `inverse_transform`.
    ValueError
        If a parameter is another one, or if X is not valid: blocks are not, which the `score` of
        the estimators of this package takes.

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
    estimator: Any,
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
        As in `sklearn.metrics.r2_score`: weighted, the features count by their variance, and
        PCA's value on its training data is the sum of its `explained_variance_ratio_`;
        uniform, they count equally, as if they were standardised. "raw_values" gives the share of
        every feature.

    Returns
    -------
    r2 : float or ndarray of shape (n_features,)
        At most 1. The variance is the one around the means of this X.

    Raises
    ------
    TypeError
        If the estimator has no `transform` or no `inverse_transform`.
    ValueError
        If `multioutput` is another one, or if X is not valid: blocks are not, which the `score` of
        the estimators of this package takes.

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


def neg_reconstruction_error_scorer(estimator: Any, X: ArrayLike, y: Any = None) -> float:
    """Score by `reconstruction_error` in X's own units, with a minus sign.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct; images count as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        The higher the better.
    """
    return -float(reconstruction_error(estimator, X))


def neg_standardized_reconstruction_error_scorer(
    estimator: Any, X: ArrayLike, y: Any = None
) -> float:
    """Score by `reconstruction_error` with standardised features, with a minus sign.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct; images count as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        The higher the better.
    """
    return -float(reconstruction_error(estimator, X, features="standardized"))


def reconstruction_r2_scorer(estimator: Any, X: ArrayLike, y: Any = None) -> float:
    """Score by `reconstruction_r2`, weighted by variance.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct; images count as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        At most 1.

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


def standardized_reconstruction_r2_scorer(estimator: Any, X: ArrayLike, y: Any = None) -> float:
    """Score by `reconstruction_r2`, all features counting equally.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`.
    X : array-like of shape (n_samples, n_features) or (n_samples, ...)
        Rows to reconstruct; images count as rows of pixels.
    y : None
        Ignored.

    Returns
    -------
    score : float
        At most 1.
    """
    return float(reconstruction_r2(estimator, X, multioutput="uniform_average"))


def find_varying(X: NDArray) -> NDArray[np.bool_]:
    """Return which features differ by more than rounding; of equal numbers, the variance may not.

    Parameters
    ----------
    X : array of shape (n_samples, ...)
    """
    return np.ptp(X, axis=0) > 8 * np.finfo(X.dtype).eps * np.abs(X).max(axis=0)


def score_name(scoring: Any) -> str:
    """Return what a scorer measures, in words, for the axis of a picture."""
    if scoring is reconstruction_r2_scorer:
        return "explained variance (R²)"
    if scoring is standardized_reconstruction_r2_scorer:
        return "standardised explained variance (R²)"
    name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "<lambda>")
    return name.replace("<lambda>", "score").removesuffix("_scorer").replace("_", " ").strip()


def there_and_back(estimator: Any, X: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return X and its reconstruction, as rows in float64.

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
                f"A reconstruction needs an estimator with transform and inverse_transform, but "
                f"{type(estimator).__name__} has no {method}."
            )
    codes = estimator.transform(X)
    if isinstance(codes, Iterator):
        raise ValueError(
            f"X is in blocks, of which {type(estimator).__name__} makes codes one by one, but "
            "metrics of reconstructions need X as one array. Join the blocks, or take the "
            "estimator's own score, which goes through blocks."
        )
    reconstruction = estimator.inverse_transform(codes)
    rows, reconstructed = _as_rows(X), _as_rows(reconstruction)
    if rows.shape != reconstructed.shape:
        raise ValueError(
            f"X has {rows.shape[1]} numbers in a row, but its reconstruction by "
            f"{type(estimator).__name__} has {reconstructed.shape[1]}."
        )
    return rows, reconstructed


def _check_choice(name: str, value: Any, *choices: str) -> None:
    # an array is equal to nothing, in every entry
    if not isinstance(value, str) or value not in choices:
        *first, last = map(repr, choices)
        wanted = f"{', '.join(first)} or {last}"
        raise ValueError(f"{name} must be {wanted}. Got {value!r} instead.")


def _as_rows(X: ArrayLike) -> NDArray:
    """Return images as rows of pixels, and rows as they are, in float64."""
    rows: NDArray = check_array(as_numpy(X), dtype=np.float64, allow_nd=True)
    return rows.reshape(len(rows), -1)
