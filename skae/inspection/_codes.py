"""Codes of rows, and the rows that codes stand for."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skae._arrays import as_numpy, find_place
from skae._pipelines import steps_of, undo
from skae.estimators import VAETransformer


class Spread(NamedTuple):
    """Where codes are: mean and standard deviation of each component."""

    mean: NDArray
    deviation: NDArray


def encode(estimator: Any, X: ArrayLike) -> NDArray:
    """Return the codes of rows as an array, whatever `transform` returns.

    Raises
    ------
    TypeError
        If the estimator has no `transform`.
    """
    if not hasattr(estimator, "transform"):
        raise TypeError(
            f"Codes are made by transform, but {type(estimator).__name__} has none. Give a "
            "transformer, or a Pipeline that ends with one."
        )
    codes = estimator.transform(X)
    return codes.toarray() if scipy.sparse.issparse(codes) else np.asarray(as_numpy(codes))


def decode(estimator: Any, codes: NDArray, y: Any = None) -> Any:
    """Return the rows that codes stand for; those of a class y, if there is one.

    Raises
    ------
    TypeError
        If the estimator has no `inverse_transform`.
    """
    *before, step = steps_of(estimator)
    codes = _where_fitted(step, codes)
    if y is not None:
        return undo(before, step.inverse_transform(codes, y=np.full(len(codes), y)))
    if not hasattr(estimator, "inverse_transform"):
        raise TypeError(
            f"Codes are decoded by inverse_transform, but {type(estimator).__name__} has none."
        )
    return estimator.inverse_transform(codes)


def _where_fitted(step: Any, codes: NDArray) -> Any:
    """Return codes as arrays of the library to which a step was fitted, in the same precision."""
    fitted = getattr(step, "mean_", None)
    place = find_place(fitted)
    return codes if place is None else place.put(codes.astype(as_numpy(fitted).dtype))


def find_spread(estimator: Any, X: ArrayLike | None) -> Spread:
    """Return the spread of the codes of rows, or, without rows, what the last step knows.

    Raises
    ------
    ValueError
        If X is None, and the last step does not know.
    """
    if X is not None:
        codes = encode(estimator, X)
        return Spread(codes.mean(axis=0), codes.std(axis=0))
    *_, step = steps_of(estimator)
    check_is_fitted(step)
    if isinstance(step, VAETransformer):
        return Spread(np.zeros(step.n_components_), np.ones(step.n_components_))
    if hasattr(step, "explained_variance_") and hasattr(step, "whiten"):
        variances = (
            np.ones(step.n_components_) if step.whiten else as_numpy(step.explained_variance_)
        )
        return Spread(np.zeros(len(variances)), np.sqrt(variances))
    raise ValueError(
        f"{type(step).__name__} does not know where its codes are. Give X, rows whose codes tell."
    )


def vary_each(spread: Spread, at: NDArray, components: list[int], values: NDArray) -> NDArray:
    """Return codes in which one component varies.

    Returns
    -------
    codes : array of shape (n_varied, n_values, n_components)
    """
    codes = np.tile(at, (len(components), len(values), 1))
    for line, component in zip(codes, components, strict=True):
        line[:, component] += values * spread.deviation[component]
    return codes


def vary_pair(spread: Spread, at: NDArray, components: list[int], values: NDArray) -> NDArray:
    """Return codes in which two components vary, the first along the first axis.

    Returns
    -------
    codes : array of shape (n_values, n_values, n_components)
    """
    first, second = components
    codes = np.tile(at, (len(values), len(values), 1))
    codes[..., first] += values[:, None] * spread.deviation[first]
    codes[..., second] += values * spread.deviation[second]
    return codes
