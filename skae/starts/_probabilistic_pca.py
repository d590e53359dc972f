"""Probabilistic PCA: the linear optimum of a variational autoencoder with normal noise."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skae.objectives import MIN_VARIANCE
from skae.starts._pca import AffineMap
from skae.starts._principal_axes import PrincipalAxes

Array = NDArray[np.float64]


class ProbabilisticPCA(NamedTuple):
    """``x = W z + mu + noise`` and the posterior of z: normal, with independent components.

    Attributes
    ----------
    posterior : AffineMap
        Maps a row to the means of the posterior, followed by the logarithms of its variances;
        shape (2 * n_components,).
    decoder : AffineMap
        Maps a code to the mean of the row.
    noise_variance : float
    """

    posterior: AffineMap
    decoder: AffineMap
    noise_variance: float


def probabilistic_pca(
    pca: PrincipalAxes, n_components: int, noise_variance: float | None = None
) -> ProbabilisticPCA:
    """Return the maximum-likelihood solution (Tipping and Bishop 1999, equations 7 and 8).

    Let ``l`` be the variances along the axes and ``s2`` the variance of the noise. The columns of
    W are the axes times ``sqrt(l - s2)``. The means of the posterior are the coordinates along the
    axes times ``sqrt(l - s2) / l``, and its variances are ``s2 / l``.

    Parameters
    ----------
    pca : PrincipalAxes
        Computed in units in which the mean square of the data is about 1.
    n_components : int
        Components without an axis, or with less variance than the noise, have no effect on x, and
        their posterior is the prior.
    noise_variance : float, default=None
        None: the mean variance of the directions that are orthogonal to the axes, at least
        `MIN_VARIANCE`.
    """
    n_axes, n_features = pca.axes.shape
    if noise_variance is None:
        left_over = pca.residual * n_features / max(1, n_features - n_axes)
        # just above the bound, where the likelihood's parameter would be at minus infinity
        noise_variance = max(left_over, (1 + 1e-6) * MIN_VARIANCE)
    axes = np.vstack([pca.axes, np.zeros((n_components - n_axes, n_features))])
    variances = np.full(n_components, noise_variance)
    variances[:n_axes] = np.maximum(pca.variances, noise_variance)
    gains = np.sqrt(variances - noise_variance)
    shares = noise_variance / variances
    to_mean = axes * (gains / variances)[:, None]
    return ProbabilisticPCA(
        AffineMap(
            np.vstack([to_mean, np.zeros_like(to_mean)]),
            np.concatenate([-to_mean @ pca.mean, np.log(shares)]),
            # the unit of corrections to a mean is the standard deviation of the posterior
            np.concatenate([np.sqrt(shares), np.ones(n_components)]),
        ),
        AffineMap(axes.T * gains, pca.mean, np.full(n_features, np.sqrt(noise_variance))),
        float(noise_variance),
    )
