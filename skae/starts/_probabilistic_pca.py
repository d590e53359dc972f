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
        From rows to means, then logarithms of variances, shape (2 * n_components,).
    decoder : AffineMap
        From codes to means of rows.
    noise_variance : float
    """

    posterior: AffineMap
    decoder: AffineMap
    noise_variance: float


def probabilistic_pca(
    pca: PrincipalAxes, n_components: int, noise_variance: float | None = None
) -> ProbabilisticPCA:
    """Return the maximum-likelihood solution (Tipping and Bishop 1999, equations 7 and 8).

    With ``l`` the variances along the axes and ``s2`` that of the noise, the columns of W are
    the axes times ``sqrt(l - s2)``; the posterior has the means ``sqrt(l - s2) / l`` times the
    coordinates, and the variances ``s2 / l``.

    Parameters
    ----------
    pca : PrincipalAxes
        In units in which the data have a mean square of about 1.
    n_components : int
        Components beyond the axes, and those with less variance than the noise, have no effect
        on x, and the prior as their posterior.
    noise_variance : float, default=None
        None: the mean variance of what the axes leave over, but at least `MIN_VARIANCE`.
    """
    n_axes, n_features = pca.axes.shape
    if noise_variance is None:
        left_over = pca.residual * n_features / max(1, n_features - n_axes)
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
            # a correction of a mean is measured in posterior deviations
            np.concatenate([np.sqrt(shares), np.ones(n_components)]),
        ),
        AffineMap(axes.T * gains, pca.mean, np.full(n_features, np.sqrt(noise_variance))),
        float(noise_variance),
    )
