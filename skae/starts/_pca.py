"""Linear starts: PCA as an encoder and a decoder, around which networks learn."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from skae.starts._principal_axes import MIN_VARIANCE_RATIO, PrincipalAxes

Array = NDArray[np.float64]


class AffineMap(NamedTuple):
    """``weight @ x + bias``, and the unit in which corrections to it are measured.

    Attributes
    ----------
    weight : array of shape (n_out, n_in)
    bias : array of shape (n_out,)
    scale : array of shape (n_out,)
    """

    weight: Array
    bias: Array
    scale: Array

    def __call__(self, X: Array) -> Array:
        """Map rows, shape (n, n_in), to shape (n, n_out)."""
        return X @ self.weight.T + self.bias


class LinearStart(NamedTuple):
    """The affine maps of an encoder and of a decoder."""

    encoder: AffineMap
    decoder: AffineMap


def pca_start(
    pca: PrincipalAxes, n_components: int, random_state: np.random.RandomState
) -> LinearStart:
    """Return PCA with codes of unit variance.

    The unit of corrections to the decoder is the root-mean-square error of PCA. The unit for a
    component of the code is the change that moves the reconstruction by this error, at most 1.

    Components beyond the rank of the data are random directions, which the decoder ignores.
    """
    n_features, n_spare = pca.axes.shape[1], n_components - len(pca.axes)
    deviations = np.sqrt(pca.variances)
    left_over = _left_over(pca)
    spare = random_state.normal(scale=n_features**-0.5, size=(n_spare, n_features))
    weight = np.vstack([pca.axes / deviations[:, None], spare])
    # at most the component's own deviation
    scale = np.concatenate([np.minimum(1.0, left_over / deviations), np.ones(n_spare)])
    back = np.hstack([pca.axes.T * deviations, np.zeros((n_features, n_spare))])
    return LinearStart(
        AffineMap(weight, -weight @ pca.mean, scale),
        AffineMap(back, pca.mean, np.full(n_features, left_over)),
    )


def tied_pca_start(
    pca: PrincipalAxes, n_components: int, random_state: np.random.RandomState
) -> LinearStart:
    """Return PCA with orthonormal axes, so that the decoder is the encoder's transpose.

    Components beyond the rank of the data are zero at first.
    """
    n_features, n_spare = pca.axes.shape[1], n_components - len(pca.axes)
    left_over = _left_over(pca)
    axes = np.vstack([pca.axes, np.zeros((n_spare, n_features))])
    return LinearStart(
        AffineMap(axes, -axes @ pca.mean, np.full(n_components, left_over)),
        AffineMap(axes.T, pca.mean, np.full(n_features, left_over)),
    )


def denoising_start(start: LinearStart, clean: Array, corrupted: Array) -> LinearStart:
    """Return a start whose decoder shrinks every component to undo the corruption.

    Each component is multiplied by its coefficient in the regression of clean codes on corrupted
    ones, as in a Wiener filter. The unit of corrections is the error of the result.

    Parameters
    ----------
    start : LinearStart
        PCA.
    clean, corrupted : array of shape (n_samples, n_features)
        The same rows without and with the corruption.
    """
    encoder, decoder = start
    codes, noisy = encoder(clean), encoder(corrupted)
    means = codes.mean(axis=0), noisy.mean(axis=0)
    power = np.square(noisy - means[1]).sum(axis=0)
    gains = (codes * (noisy - means[1])).sum(axis=0) / np.where(power > 0, power, 1.0)
    shift = decoder.weight @ (means[0] - gains * means[1])
    decoder = decoder._replace(weight=decoder.weight * gains, bias=decoder.bias + shift)
    error = float(np.sqrt(np.square(clean - decoder(noisy)).mean()))
    # these rows may happen to have a smaller error than PCA has on all rows
    larger = max(1.0, error / decoder.scale[0])
    return LinearStart(
        encoder._replace(scale=np.minimum(1.0, encoder.scale * larger)),
        decoder._replace(scale=decoder.scale * larger),
    )


def _left_over(pca: PrincipalAxes) -> float:
    return float(np.sqrt(max(pca.residual, MIN_VARIANCE_RATIO)))


def logistic_decoder(codes: Array, X: NDArray, n_iter: int = 100) -> AffineMap:
    """Return a logistic regression on the codes for every feature.

    Each iteration minimises a quadratic upper bound of the cross-entropy, whose curvature is
    1/4 everywhere (Boehning and Lindsay 1988). No iteration can therefore overshoot.

    Parameters
    ----------
    codes : array of shape (n_samples, n_components)
    X : array of shape (n_samples, n_features)
        Values in [0, 1].
    n_iter : int, default=100
    """
    n_samples, n_components = codes.shape
    design = np.hstack([codes, np.ones((n_samples, 1))])
    # the same matrix for all features and iterations: (n_components + 1, n_samples)
    newton = 4 * np.linalg.pinv(design)
    weights = np.zeros((n_components + 1, X.shape[1]))
    weights[-1] = logit(np.clip(X.mean(axis=0), 1e-3, 1 - 1e-3))
    for _ in range(n_iter):
        weights += newton @ (X - expit(design @ weights))
    return AffineMap(weights[:-1].T, weights[-1], np.ones(X.shape[1]))
