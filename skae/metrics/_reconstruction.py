"""Reconstruction errors and scorers for anything with `transform` and `inverse_transform`."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from skae._arrays import as_numpy

Features = Literal["original", "standardized"]


def reconstruction_error(estimator: Any, X: ArrayLike, *, features: Features = "original") -> float:
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

    Returns
    -------
    error : float
        Summed over the features, averaged over the rows.

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
    """
    X, reconstruction = there_and_back(estimator, X)
    errors = np.square(X - reconstruction).mean(axis=0)
    if features == "original":
        return float(errors.sum())
    if features == "standardized":
        varies = find_varying(X)
        return float((errors[varies] / X.var(axis=0)[varies]).sum())
    raise ValueError(f"features must be 'original' or 'standardized'. Got {features!r} instead.")


def reconstruction_r2(
    estimator: Any,
    X: ArrayLike,
    *,
    multioutput: Literal["variance_weighted", "uniform_average"] = "variance_weighted",
) -> float:
    """Return the share of the variance of X that its reconstruction explains.

    Parameters
    ----------
    estimator : fitted estimator
        Has `transform` and `inverse_transform`; a Pipeline may be given.
    X : array-like of shape (n_samples, n_features)
        Rows to reconstruct, at least two.
    multioutput : {"variance_weighted", "uniform_average"}, default="variance_weighted"
        As in `sklearn.metrics.r2_score`: weighted, the features count by their variance, and
        PCA's value on its training data is the sum of its `explained_variance_ratio_`;
        uniform, they count equally, as if they were standardised.

    Returns
    -------
    r2 : float
        At most 1. The variance is the one around the means of this X.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> X = load_iris().data
    >>> pca = PCA(n_components=2).fit(X)
    >>> bool(np.isclose(reconstruction_r2(pca, X), pca.explained_variance_ratio_.sum()))
    True
    """
    X, reconstruction = there_and_back(estimator, X)
    return float(r2_score(X, reconstruction, multioutput=multioutput))


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
    return -reconstruction_error(estimator, X)


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
    return -reconstruction_error(estimator, X, features="standardized")


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
    return reconstruction_r2(estimator, X)


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
    return reconstruction_r2(estimator, X, multioutput="uniform_average")


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
        If the reconstruction has another number of features.
    """
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                f"A reconstruction needs an estimator with transform and inverse_transform, but "
                f"{type(estimator).__name__} has no {method}."
            )
    reconstruction = estimator.inverse_transform(estimator.transform(X))
    rows, reconstructed = _as_rows(X), _as_rows(reconstruction)
    if rows.shape != reconstructed.shape:
        raise ValueError(
            f"X has {rows.shape[1]} numbers in a row, but its reconstruction by "
            f"{type(estimator).__name__} has {reconstructed.shape[1]}."
        )
    return rows, reconstructed


def _as_rows(X: ArrayLike) -> NDArray:
    """Return images as rows of pixels, and rows as they are, in float64."""
    rows: NDArray = check_array(as_numpy(X), dtype=np.float64, allow_nd=True)
    return rows.reshape(len(rows), -1)
