"""Methods that answer block by block where their X comes in blocks."""

from collections.abc import Callable, Iterator
from copy import copy
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skae._scikit_learn import find_output_config
from skae.blocks import Blocks, find_blocks, is_empty
from skae.rows._explained_variance import NO_ROWS

P = ParamSpec("P")
R = TypeVar("R")
FindShape = Callable[[Any, Any], tuple[int, ...]]
"""Finds, for a fitted estimator and X, the shape of what a method gives for one row."""
FindDtype = Callable[[Any, Any], DTypeLike]
"""Finds the dtype of what it gives."""


def dtype_of_rows(estimator: Any, X: Any) -> DTypeLike:
    """Return float32 if X is, else float64."""
    dtypes = list(getattr(X, "dtypes", [])) or [getattr(X, "dtype", None)]
    return np.float32 if all(dtype == np.float32 for dtype in dtypes) else np.float64


def by_blocks(
    find_shape: FindShape, find_dtype: FindDtype = dtype_of_rows
) -> Callable[[Callable[Concatenate[Any, Any, P], R]], Callable[Concatenate[Any, Any, P], R]]:
    """Have a method of a fitted estimator take blocks and, when they are asked for, give blocks.

    For collections of dask, it gives a dask array; for a large memory map an array, computed slice
    by slice.

    Parameters
    ----------
    find_shape : callable
    find_dtype : callable, default=dtype_of_rows
    """

    def decorate(
        method: Callable[Concatenate[Any, Any, P], R],
    ) -> Callable[Concatenate[Any, Any, P], R]:
        name = method.__name__

        @wraps(method)
        def wrapped(self: Any, X: Any, *args: P.args, **kwargs: P.kwargs) -> R:
            blocks = find_blocks_for(self, X)
            if blocks is None:
                return method(self, X, *args, **kwargs)
            check_is_fitted(self)
            _check_arguments(args, kwargs)
            if not isinstance(X, np.ndarray):
                _check_output(self, name)
            # a later fit is none of theirs
            function = partial(_call, copy(self), name, args, kwargs)
            result: Any = blocks.map(function, find_shape(self, X), find_dtype(self, X))
            # what is an array but for its size
            return _joined([*result]) if isinstance(X, np.ndarray) else result

        return wrapped

    return decorate


def find_blocks_for(estimator: Any, X: Any) -> Blocks | None:
    """Return the blocks of X as an estimator takes it, or None if it is one array."""
    return find_blocks(X, estimator._listed_from)


def check_single(estimator: Any, block: Any) -> None:
    """Raise ValueError if a block is made of blocks itself."""
    if not isinstance(block, np.ndarray) and find_blocks_for(estimator, block) is not None:
        raise ValueError(
            f"its type is {type(block).__name__}, of which each entry would be a block again. Give "
            "its rows as one array."
        )


def mean_over(parts: Any) -> float:
    """Return the mean of the entries of all arrays."""
    total, n_entries = 0.0, 0
    for part in parts:
        total += float(np.sum(part, dtype=np.float64))
        n_entries += len(part)
    if n_entries == 0:
        raise ValueError(NO_ROWS)
    return total / n_entries


def mean_in_blocks(score: Callable[[Any, Any], float], pairs: Blocks) -> float:
    """Return the mean over all images of what a function of a block gives as the mean of its."""
    total, n_images = 0.0, 0
    for number, pair in pairs.read():
        if not is_empty(pair):
            with pairs.naming(number):
                total += len(pair.X) * score(*pair)
            n_images += len(pair.X)
    if n_images == 0:
        raise ValueError(NO_ROWS)
    return total / n_images


def join_results(results: Any) -> NDArray:
    """Return what a method gives for blocks, an iterator or a dask array, as one array.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    parts = [*results] if isinstance(results, Iterator) else [np.asarray(results)]
    if not sum(map(len, parts)):
        raise ValueError(NO_ROWS)
    return np.concatenate(parts)


def _joined(parts: list[Any]) -> Any:
    """Return the rows of all parts in one array."""
    if scipy.sparse.issparse(parts[0]):
        return scipy.sparse.vstack(parts, format="csr")
    return np.concatenate(parts)


def _call(
    estimator: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], block: Any
) -> NDArray:
    check_single(estimator, block)
    result: NDArray = getattr(estimator, name)(block, *args, **kwargs)
    return result


def _check_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise ValueError if there is a y, which would be that of all rows."""
    if any(y is not None for y in (*args[:1], kwargs.get("y"))):
        raise ValueError(
            "y is not taken beside an X in blocks. Call the method for every block and its y."
        )


def _check_output(estimator: Any, name: str) -> None:
    """Raise ValueError if the result would have to be a dataframe."""
    if name == "transform" and find_output_config(name, estimator)["dense"] != "default":
        raise ValueError(
            "Blocks are transformed to arrays. Call set_output(transform='default') before."
        )


# What methods give for a row.


def codes_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of a code."""
    return (estimator._n_features_out,)


def rows_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape that a row of X had in fit."""
    row = np.empty((1, estimator.n_features_in_))
    return tuple(estimator._as_given(row).shape[1:])


def scores_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of a number."""
    return ()


def dtype_of_scores(estimator: Any, X: Any) -> DTypeLike:
    """Return float64."""
    return np.float64


def dtype_of_labels(estimator: Any, X: Any) -> DTypeLike:
    """Return that of the classes."""
    dtype: DTypeLike = estimator.classes_.dtype
    return dtype
