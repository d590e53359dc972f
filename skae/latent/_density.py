"""Densities that are fitted to codes when they are used first."""

from collections.abc import Callable
from copy import copy
from functools import cached_property
from inspect import signature
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

Drawn: TypeAlias = NDArray | tuple[NDArray, NDArray]
"""Rows, and with mixtures of scikit-learn the component of every row."""


class Sampler(Protocol):
    """A fitted density."""

    @property
    def sample(self) -> Callable[..., Drawn]:
        """Draws rows, given their number and perhaps `random_state`."""


class Density(Sampler, Protocol):
    """A density that can be fitted."""

    def fit(self, codes: NDArray, /) -> object:
        """Fit the density to codes, shape (n_samples, n_components)."""


CODES_PER_PARAMETER = 5
"""Least number of codes for each dimension of each component of a mixture."""


def _mixture(codes: NDArray) -> GaussianMixture:
    """Return ten normal components with full covariances, fewer for few codes."""
    n_codes, n_components = codes.shape
    affordable = max(1, n_codes // (CODES_PER_PARAMETER * (n_components + 1)))
    return GaussianMixture(min(10, affordable, len(np.unique(codes, axis=0))), max_iter=1000)


def _gaussian(codes: NDArray) -> GaussianMixture:
    """Return one normal distribution."""
    return GaussianMixture(1)


def _kernels(codes: NDArray) -> KernelDensity:
    """Return normal kernels; their width is Scott's (1992) rule for unit variance."""
    return KernelDensity(bandwidth="scott")


DENSITIES: dict[str, Callable[[NDArray], BaseEstimator]] = {
    "gmm": _mixture,
    "gaussian": _gaussian,
    "kde": _kernels,
}


class LatentDensity:
    """A density of codes, from which new ones are drawn.

    The density is fitted to standardised codes when codes are drawn first. A fit from which nothing
    is sampled, as in a grid search, does not take time for it.

    Parameters
    ----------
    density : {"gmm", "gaussian", "kde"} or object with fit(codes) and sample(n_samples)
        An object is cloned if it can be.
    codes : array of shape (n_samples, n_components)
    seed : int
        The random state for the fit of the density.
    """

    def __init__(self, density: str | Density, codes: NDArray, seed: int) -> None:
        self.density = density if isinstance(density, str) else clone(density, safe=False)
        self.codes = codes
        self.seed = seed

    @cached_property
    def scaler_(self) -> StandardScaler:
        """The standardisation of the codes."""
        return StandardScaler().fit(self.codes)

    @cached_property
    def density_(self) -> Density:
        """The fitted density of the standardised codes."""
        # covariances in float32 may have negative eigenvalues
        codes = self.scaler_.transform(self.codes.astype(np.float64))
        if isinstance(self.density, str):
            density = DENSITIES[self.density](codes)
        else:
            density = clone(self.density, safe=False)
        if "random_state" in getattr(density, "get_params", dict)():
            density.set_params(random_state=self.seed)
        density.fit(codes)
        return density

    def sample(self, n_samples: int, random_state: np.random.RandomState) -> NDArray:
        """Return new codes in random order, shape (n_samples, n_components)."""
        return self.scaler_.inverse_transform(draw(self.density_, n_samples, random_state))


def draw(density: Sampler, n_samples: int, random_state: np.random.RandomState) -> NDArray:
    """Return rows drawn from a fitted density, such as a mixture of scikit-learn.

    Parameters
    ----------
    density : object with sample(n_samples), and random_state as an argument or a parameter
    n_samples : int
    random_state : RandomState instance

    Returns
    -------
    rows : array of shape (n_samples, ...)
        In random order.
    """
    if "random_state" in signature(density.sample).parameters:
        drawn = density.sample(n_samples, random_state=random_state)
    elif "random_state" in getattr(density, "get_params", dict)():
        # mixtures draw with the generator that is their parameter
        mixture: BaseEstimator = copy(density)
        drawn = mixture.set_params(random_state=random_state).sample(n_samples)
    else:
        drawn = density.sample(n_samples)
    # mixtures return the component of every draw as well, and sort by it
    return random_state.permutation(drawn[0]) if isinstance(drawn, tuple) else drawn
