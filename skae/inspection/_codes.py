"""Encoding, decoding, and codes in which single components vary."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skae._arrays import as_numpy, find_place
from skae._pipelines import steps_of, undo
from skae._types import Reducer, Transformer
from skae.estimators import VAETransformer


class Spread(NamedTuple):
    """Mean and standard deviation of each component of the codes, of shape (n_components,)."""

    mean: NDArray
    deviation: NDArray


def encode(estimator: Transformer, X: ArrayLike) -> NDArray:
    """Return the codes of rows as a dense numpy array.

    Raises
    ------
    TypeError
        If the estimator has no `transform`.
    """
    if not hasattr(estimator, "transform"):
        raise TypeError(
            f"Encoding rows needs transform, but {type(estimator).__name__} has none. Give a "
            "transformer, or a Pipeline that ends with one."
        )
    # SparseAutoencoder may return a sparse matrix
    codes: Any = estimator.transform(X)
    return codes.toarray() if scipy.sparse.issparse(codes) else np.asarray(as_numpy(codes))


def decode(estimator: Reducer, codes: NDArray, y: object = None) -> NDArray:
    """Return the reconstructions of codes; `y` is a class for conditional estimators.

    Raises
    ------
    TypeError
        If the estimator has no `inverse_transform`.
    """
    *before, step = steps_of(estimator)
    codes = _where_fitted(step, codes)
    # inverse_transform of a Pipeline would not pass y to its last step
    if y is not None:
        return undo(before, step.inverse_transform(codes, y=np.full(len(codes), y)))
    if not hasattr(estimator, "inverse_transform"):
        raise TypeError(
            f"Decoding codes needs inverse_transform, but {type(estimator).__name__} has none."
        )
    return estimator.inverse_transform(codes)


def _where_fitted(step: object, codes: NDArray) -> NDArray:
    """Convert codes to the library, device and dtype of the arrays that a step was fitted to."""
    fitted = getattr(step, "mean_", None)
    place = find_place(fitted)
    return codes if place is None else place.put(codes.astype(as_numpy(fitted).dtype))


def find_spread(estimator: Transformer, X: ArrayLike | None) -> Spread:
    """Return the spread of the codes of X or, if X is None, the one that the last step knows.

    Raises
    ------
    ValueError
        If X is None and the last step does not know the spread of its codes.
    """
    if X is not None:
        codes = encode(estimator, X)
        return Spread(codes.mean(axis=0), codes.std(axis=0))
    *_, step = steps_of(estimator)
    check_is_fitted(step)
    # its prior is standard normal
    if isinstance(step, VAETransformer):
        return Spread(np.zeros(step.n_components_), np.ones(step.n_components_))
    # PCA and its relatives, whose codes have mean zero
    if hasattr(step, "explained_variance_") and hasattr(step, "whiten"):
        variances = (
            np.ones(step.n_components_) if step.whiten else as_numpy(step.explained_variance_)
        )
        return Spread(np.zeros(len(variances)), np.sqrt(variances))
    raise ValueError(
        f"{type(step).__name__} does not know the mean and deviation of its codes. Give X, from "
        "whose codes they are computed."
    )


def vary_each(spread: Spread, at: NDArray, components: list[int], values: NDArray) -> NDArray:
    """Return codes in which one component varies at a time.

    Returns
    -------
    codes : array of shape (n_varied, n_values, n_components)
    """
    # (n_components,) -> (n_varied, n_values, n_components)
    codes = np.tile(at, (len(components), len(values), 1))
    for line, component in zip(codes, components, strict=True):
        line[:, component] += values * spread.deviation[component]
    return codes


def vary_pair(spread: Spread, at: NDArray, components: list[int], values: NDArray) -> NDArray:
    """Return codes in which two components vary, the first along axis 0, the second along axis 1.

    Returns
    -------
    codes : array of shape (n_values, n_values, n_components)
    """
    first, second = components
    codes = np.tile(at, (len(values), len(values), 1))
    codes[..., first] += values[:, None] * spread.deviation[first]
    codes[..., second] += values * spread.deviation[second]
    return codes
