"""The linear optimum of the squared error: principal component analysis."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils import gen_batches
from sklearn.utils.extmath import randomized_svd

from skae.estimators._units import Units

Array = NDArray[np.float64]

MAX_EXACT = 2000
"""With more rows and more features than this, the decomposition is randomised."""
MIN_VARIANCE_RATIO = 1e-12
"""Axes with less variance, relative to the first, are the rounding errors of float32 data."""


class PrincipalAxes(NamedTuple):
    """Directions of largest variance and what they leave over.

    Attributes
    ----------
    axes : array of shape (n_axes, n_features)
        Orthonormal rows. There are fewer than asked for where the data have a lower rank.
    variances : array of shape (n_axes,)
        Mean square of the data along each axis (with 1 / n), falling.
    residual : float
        Mean square per feature of what the axes leave over: PCA's squared error.
    """

    axes: Array
    variances: Array
    residual: float


def principal_axes(
    X: NDArray, units: Units, n_axes: int, random_state: np.random.RandomState
) -> PrincipalAxes:
    """Return the leading principal axes of `X` in the given units, computed in float64.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
    units : Units
    n_axes : int
        Largest number of axes.
    random_state : RandomState
        For the randomised decomposition of large data.

    Returns
    -------
    axes : PrincipalAxes
    """
    n_samples, n_features = X.shape
    if min(X.shape) > MAX_EXACT and n_axes < min(X.shape) // 2:
        axes, variances = _randomized(units.enter(X), n_axes, random_state)
    elif n_samples < n_features:
        axes, variances = _from_gram_matrix(units.enter(X), n_axes)
    else:
        axes, variances = _from_covariance(X, units, n_axes)
    is_real = variances > MIN_VARIANCE_RATIO * max(variances[0], MIN_VARIANCE_RATIO)
    # the units make the mean square 1 per feature, unless X is constant
    total = n_features if is_real.any() else 0.0
    residual = max(total - variances[is_real].sum(), 0.0) / n_features
    return PrincipalAxes(_fix_signs(axes[is_real]), variances[is_real], residual)


def _from_covariance(X: NDArray, units: Units, n_axes: int) -> tuple[Array, Array]:
    """Decompose the covariance matrix, summed over blocks of rows."""
    n_samples, n_features = X.shape
    covariance = np.zeros((n_features, n_features))
    for rows in gen_batches(n_samples, max(1, 10**6 // n_features)):
        block = units.enter(X[rows])
        covariance += block.T @ block
    variances, vectors = _largest(covariance / n_samples, n_axes)
    return vectors.T, variances


def _from_gram_matrix(X: Array, n_axes: int) -> tuple[Array, Array]:
    """Decompose the inner products between rows, for fewer rows than features."""
    variances, vectors = _largest(X @ X.T / len(X), n_axes)
    # X.T @ vectors has orthogonal columns but for rounding, which matters for small variances
    return np.linalg.qr(X.T @ vectors)[0].T, variances


def _largest(symmetric: Array, n: int) -> tuple[Array, Array]:
    """Return the n largest eigenvalues, falling, and their eigenvectors as columns."""
    size = len(symmetric)
    values, vectors = eigh(symmetric, subset_by_index=[max(0, size - n), size - 1])
    return values[::-1], vectors[:, ::-1]


def _randomized(
    X: Array, n_axes: int, random_state: np.random.RandomState
) -> tuple[Array, Array]:
    """Halko et al. (2011), as scikit-learn's PCA does it for large data."""
    _, singular_values, axes = randomized_svd(X, n_axes, n_iter=7, random_state=random_state)
    return axes, singular_values**2 / len(X)


def _fix_signs(axes: Array) -> Array:
    """Make the largest entry of every axis positive."""
    largest = np.abs(axes).argmax(axis=1)
    return axes * np.sign(np.take_along_axis(axes, largest[:, None], axis=1))
