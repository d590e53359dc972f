"""Principal component analysis, the linear optimum of the squared error."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils import gen_batches
from sklearn.utils.extmath import randomized_svd

from skae.blocks import Moments
from skae.rows._problem import Problem
from skae.rows._summaries import Features
from skae.rows._units import Units

Array = NDArray[np.float64]

MAX_EXACT = 2000
"""If there are more rows and more features than this, the decomposition is randomised."""
MIN_VARIANCE_RATIO = 1e-12
"""Axes with a smaller share of the first one's variance are rounding errors of float32 data."""


class PrincipalAxes(NamedTuple):
    """Directions of largest variance, and the error of a reconstruction from them.

    Attributes
    ----------
    mean : array of shape (n_features,)
    axes : array of shape (n_axes, n_features)
        Orthonormal rows, at most as many as the rank of the data.
    variances : array of shape (n_axes,)
        Mean square of the data along each axis (with 1 / n), falling.
    residual : float
        PCA's squared error: the mean over rows and features.
    """

    mean: Array
    axes: Array
    variances: Array
    residual: float


def axes_of(
    problem: Problem, rows: NDArray, n_axes: int, random_state: np.random.RandomState
) -> PrincipalAxes:
    """Return principal axes of the training rows of a problem, or of all of its rows, in units.

    If rows are read block by block, the axes are computed from the moments of all blocks. With too
    many features for moments, they are computed from the sample of the rows.
    """
    seen = problem.summaries.seen
    moments = seen.moments_in(problem.units) if isinstance(seen, Features) else None
    if moments is None:
        return principal_axes(problem.seen, rows, problem.units, n_axes, random_state)
    # `rows` number the sample: their count tells which rows of the blocks are meant
    of_train, of_all = moments
    return axes_of_moments(of_train if len(rows) == len(problem.train) else of_all, n_axes)


def principal_axes(
    X: NDArray, rows: NDArray, units: Units, n_axes: int, random_state: np.random.RandomState
) -> PrincipalAxes:
    """Return the leading principal axes of some rows in the given units, in float64.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
    rows : array of int of shape (n_rows,)
        The rows of X to use.
    units : Units
    n_axes : int
        Largest number of axes.
    random_state : RandomState
        For the randomised decomposition of large data.

    Returns
    -------
    axes : PrincipalAxes
    """
    n_rows, n_features = len(rows), X.shape[1]
    if min(n_rows, n_features) > MAX_EXACT and n_axes < min(n_rows, n_features) // 2:
        mean, total, axes, variances = _randomized(units.enter(X[rows]), n_axes, random_state)
    elif n_rows < n_features:
        mean, total, axes, variances = _from_inner_products(units.enter(X[rows]), n_axes)
    else:
        mean, total, axes, variances = _from_covariance(X, rows, units, n_axes)
    return _without_noise(mean, total, axes, variances)


def axes_of_moments(moments: Moments, n_axes: int) -> PrincipalAxes:
    """Return the leading principal axes, computed from moments of the rows."""
    covariance = moments.scatter / moments.n_rows
    variances, vectors = _largest(covariance, n_axes)
    return _without_noise(moments.mean, float(np.trace(covariance)), vectors.T, variances)


def _without_noise(mean: Array, total: float, axes: Array, variances: Array) -> PrincipalAxes:
    """Return the axes whose variance is above rounding; `total` is the variance of all axes."""
    is_real = variances > MIN_VARIANCE_RATIO * max(variances[0], MIN_VARIANCE_RATIO)
    axes, variances = _fix_signs(axes[is_real]), variances[is_real]
    return PrincipalAxes(mean, axes, variances, max(total - variances.sum(), 0.0) / len(mean))


def _from_covariance(
    X: NDArray, rows: NDArray, units: Units, n_axes: int
) -> tuple[Array, float, Array, Array]:
    """Decompose the covariance matrix, summed over blocks of rows.

    The units centre all of X, so that the mean of the rows is small and no digits cancel.
    """
    n_rows, n_features = len(rows), X.shape[1]
    mean, second_moment = np.zeros(n_features), np.zeros((n_features, n_features))
    for block in gen_batches(n_rows, max(1, 10**6 // n_features)):
        values = units.enter(X[rows[block]])
        mean += values.sum(axis=0) / n_rows
        second_moment += values.T @ values / n_rows
    covariance = second_moment - np.outer(mean, mean)
    variances, vectors = _largest(covariance, n_axes)
    return mean, float(np.trace(covariance)), vectors.T, variances


def _from_inner_products(X: Array, n_axes: int) -> tuple[Array, float, Array, Array]:
    """Decompose the inner products between rows, for fewer rows than features."""
    mean = X.mean(axis=0)
    X = X - mean
    # (n_rows, n_rows), which has the eigenvalues of the larger covariance matrix
    products = X @ X.T / len(X)
    variances, vectors = _largest(products, n_axes)
    # the columns of X.T @ vectors are orthogonal; rounding spoils this for small variances
    return mean, float(np.trace(products)), np.linalg.qr(X.T @ vectors)[0].T, variances


def _largest(symmetric: Array, n: int) -> tuple[Array, Array]:
    """Return the n largest eigenvalues, falling, and their eigenvectors as columns."""
    size = len(symmetric)
    values, vectors = eigh(symmetric, subset_by_index=[max(0, size - n), size - 1])
    return values[::-1], vectors[:, ::-1]


def _randomized(
    X: Array, n_axes: int, random_state: np.random.RandomState
) -> tuple[Array, float, Array, Array]:
    """Return a randomised decomposition (Halko et al. 2011), as in scikit-learn's PCA."""
    mean = X.mean(axis=0)
    X = X - mean
    _, singular_values, axes = randomized_svd(X, n_axes, n_iter=7, random_state=random_state)
    return mean, float(np.square(X).sum()) / len(X), axes, singular_values**2 / len(X)


def _fix_signs(axes: Array) -> Array:
    """Make the largest entry of every axis positive."""
    largest = np.abs(axes).argmax(axis=1)
    return axes * np.sign(np.take_along_axis(axes, largest[:, None], axis=1))
