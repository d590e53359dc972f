"""Linear starts: the affine maps around which networks learn."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from skae.estimators._principal_axes import MIN_VARIANCE_RATIO, PrincipalAxes

Array = NDArray[np.float64]


class AffineMap(NamedTuple):
    """``weight @ x + bias``, and how large a correction to it is worth a unit.

    Attributes
    ----------
    weight : array of shape (n_out, n_in)
    bias : array of shape (n_out,)
    scale : array of shape (n_out,)
    """

    weight: Array
    bias: Array
    scale: Array


class LinearStart(NamedTuple):
    """An encoder and a decoder."""

    encoder: AffineMap
    decoder: AffineMap


def pca_start(pca: PrincipalAxes, n_components: int, random_state: np.random.RandomState) -> LinearStart:
    """Return PCA with codes of unit variance.

    A correction is measured by its effect on the reconstruction: for the decoder, in the
    root-mean-square error that PCA leaves; for a component of the code, in the change that
    moves the reconstruction by as much, at most 1.

    Components beyond the rank of the data are random directions the decoder ignores.
    """
    deviations = np.sqrt(pca.variances)
    left_over = _left_over(pca)
    encoder = pca.axes / deviations[:, None]
    decoder = pca.axes.T * deviations
    scale = np.minimum(1.0, left_over / deviations)
    n_features, n_spare = pca.axes.shape[1], n_components - len(pca.axes)
    spare = random_state.normal(scale=n_features**-0.5, size=(n_spare, n_features))
    return LinearStart(
        AffineMap(
            np.vstack([encoder, spare]),
            np.zeros(n_components),
            np.concatenate([scale, np.ones(n_spare)]),
        ),
        AffineMap(
            np.hstack([decoder, np.zeros((n_features, n_spare))]),
            np.zeros(n_features),
            np.full(n_features, left_over),
        ),
    )


def tied_pca_start(
    pca: PrincipalAxes, n_components: int, random_state: np.random.RandomState
) -> LinearStart:
    """Return PCA with orthonormal axes, so that the decoder is the encoder's transpose.

    Components beyond the rank of the data are zero.
    """
    n_features, left_over = pca.axes.shape[1], _left_over(pca)
    axes = np.vstack([pca.axes, np.zeros((n_components - len(pca.axes), n_features))])
    return LinearStart(
        AffineMap(axes, np.zeros(n_components), np.full(n_components, left_over)),
        AffineMap(axes.T, np.zeros(n_features), np.full(n_features, left_over)),
    )


def _left_over(pca: PrincipalAxes) -> float:
    return float(np.sqrt(max(pca.residual, MIN_VARIANCE_RATIO)))


def logistic_decoder(codes: Array, X: NDArray, n_iter: int = 100) -> AffineMap:
    """Return the logistic regressions of every feature on the codes.

    Each iteration minimises a quadratic upper bound of the cross-entropy, whose curvature is
    1/4 everywhere (Boehning and Lindsay 1988), so that none can overshoot.

    Parameters
    ----------
    codes : array of shape (n_samples, n_components)
    X : array of shape (n_samples, n_features)
        Values in [0, 1].
    n_iter : int, default=100
    """
    n_samples, n_components = codes.shape
    design = np.hstack([codes, np.ones((n_samples, 1))])
    newton = 4 * np.linalg.pinv(design)
    weights = np.zeros((n_components + 1, X.shape[1]))
    weights[-1] = logit(np.clip(X.mean(axis=0), 1e-3, 1 - 1e-3))
    for _ in range(n_iter):
        weights += newton @ (X - expit(design @ weights))
    return AffineMap(weights[:-1].T, weights[-1], np.ones(X.shape[1]))
