"""Likelihoods by name, for given data."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skae.objectives import (
    MIN_VARIANCE,
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Gaussian,
    GaussianDiagonal,
    Likelihood,
    NegativeBinomial,
    Poisson,
    StudentT,
)
from skae.rows._units import Units

SIMPLE: dict[str, Callable[[], Likelihood]] = {
    "gaussian": Gaussian,
    "gaussian_diagonal": GaussianDiagonal,
    "student_t": StudentT,
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "poisson": Poisson,
    "negative_binomial": NegativeBinomial,
}
MAX_CATEGORIES = 1000
"""The decoder gives as many numbers for every feature as the one with most categories needs."""
LIKELIHOODS = (*SIMPLE, "categorical")


def make_likelihood(name: str, X: NDArray) -> Likelihood:
    """Return the likelihood of this name; its categories are those of X.

    Raises
    ------
    ValueError
        If `name` is "categorical" and X has negative, fractional or large values.
    """
    if name != "categorical":
        return SIMPLE[name]()
    largest = X.max(axis=0)  # of every feature; codes begin with 0
    if X.min() < 0 or not np.array_equal(X, np.round(X)):
        raise ValueError(
            "likelihood='categorical' needs categories that are coded 0, 1, 2, ..., but X has "
            "other values. Encode X, for example with OrdinalEncoder."
        )
    if largest.max() >= MAX_CATEGORIES:
        raise ValueError(
            f"likelihood='categorical' takes at most {MAX_CATEGORIES} categories in a feature, but "
            f"feature {largest.argmax()} has codes up to {largest.max():.0f}. Remove it if its "
            "values are numbers or identifiers; else group rare categories, for example with "
            "OrdinalEncoder(min_frequency=...)."
        )
    return Categorical(tuple(int(code) + 1 for code in largest))


def fixed_gaussian(noise_variance: float, units: Units) -> Gaussian:
    """Return a normal likelihood with a given variance, in squared units of the data.

    Raises
    ------
    ValueError
        If it is below the floor under which densities of constant features explode.
    """
    # one scale for all features: the variance stays one number
    variance = noise_variance / units.scale**2
    if variance < MIN_VARIANCE:
        raise ValueError(
            f"noise_variance={noise_variance} is too small for these data. It must be at least "
            f"{MIN_VARIANCE * units.scale**2:.3g}, {MIN_VARIANCE} times the mean squared "
            "deviation of X."
        )
    return Gaussian(variance)


def check_refusal(refusal: str | None, name: str) -> None:
    """Raise ValueError if a likelihood refuses data."""
    if refusal is not None:
        raise ValueError(f"likelihood={name!r} {refusal}.")
