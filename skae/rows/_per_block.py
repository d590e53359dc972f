"""Methods that return their result block by block if X comes in blocks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial, wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, Protocol, TypeVar, cast

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skae._scikit_learn import find_output_config
from skae.blocks import Blocks, find_blocks, is_empty
from skae.rows._explained_variance import NO_ROWS


class TakesBlocks(Protocol):
    """An estimator that is given blocks."""

    _listed_from: ClassVar[int | None]
    """Lists of arrays of so many dimensions or more are blocks, others are rows; None: all are."""


class HasRows(Protocol):
    """A fitted estimator with codes, and with rows of the shape that they had in `fit`."""

    n_features_in_: int

    @property
    def _n_features_out(self) -> int: ...

    def _in_given_shape(self, X: NDArray) -> NDArray: ...


P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
E = TypeVar("E", bound=TakesBlocks)
# each function says which kind of estimator it is for
FindShape = Callable[[Any, object], tuple[int, ...]]
"""Returns, for a fitted estimator and X, the shape of a method's result for one row."""
FindDtype = Callable[[Any, object], DTypeLike]
"""Returns, for a fitted estimator and X, the dtype of a method's result."""


def dtype_of_rows(estimator: object, X: object) -> DTypeLike:
    """Return float32 if X has this dtype, else float64."""
    # dataframes have a dtype for each column
    dtypes = list(getattr(X, "dtypes", [])) or [getattr(X, "dtype", None)]
    return np.float32 if all(dtype == np.float32 for dtype in dtypes) else np.float64


def by_blocks(
    find_shape: FindShape, find_dtype: FindDtype = dtype_of_rows
) -> Callable[[Callable[Concatenate[E, T, P], R]], Callable[Concatenate[E, T, P], R]]:
    """Make a decorator for methods of a fitted estimator, which then take X in blocks.

    The decorated method returns an iterator with one array per block, computed when it is asked
    for; for a dask collection, a dask array; for a large memory map, an array that is computed
    slice by slice.

    Parameters
    ----------
    find_shape : callable
        Returns the shape of the result for one row.
    find_dtype : callable, default=dtype_of_rows
        Returns the dtype of the result.
    """

    def decorate(
        method: Callable[Concatenate[E, T, P], R],
    ) -> Callable[Concatenate[E, T, P], R]:
        name = method.__name__

        @wraps(method)
        def wrapped(self: E, X: T, *args: P.args, **kwargs: P.kwargs) -> R:
            blocks = find_blocks_for(self, X)
            if blocks is None:
                return method(self, X, *args, **kwargs)
            check_is_fitted(self)
            _check_arguments(args, kwargs)
            if not isinstance(X, np.ndarray):
                _check_output(self, name)
            # a copy: blocks that are asked for after a later `fit` still use this one
            function = partial(_call, copy(self), name, args, kwargs)
            result = blocks.map(function, find_shape(self, X), find_dtype(self, X))
            # X is a memory map: its user expects a single array
            return cast(R, _joined([*result]) if isinstance(X, np.ndarray) else result)

        return wrapped

    return decorate


def find_blocks_for(estimator: TakesBlocks, X: object) -> Blocks | None:
    """Return the blocks of an X for this estimator, or None if X is a single array."""
    return find_blocks(X, estimator._listed_from)


def check_single(estimator: TakesBlocks, block: object) -> None:
    """Raise ValueError if a block consists of blocks itself."""
    if not isinstance(block, np.ndarray) and find_blocks_for(estimator, block) is not None:
        raise ValueError(
            f"its type is {type(block).__name__}, each entry of which would be a block again. Give "
            "the rows of a block as one array."
        )


def mean_over(parts: Iterable[NDArray]) -> float:
    """Return the mean of the entries of all arrays."""
    total, n_entries = 0.0, 0
    for part in parts:
        total += float(np.sum(part, dtype=np.float64))
        n_entries += len(part)
    if n_entries == 0:
        raise ValueError(NO_ROWS)
    return total / n_entries


def mean_in_blocks(score: Callable[[object, object], float], pairs: Blocks) -> float:
    """Return the mean score over all images, given a function that returns that of a block."""
    total, n_images = 0.0, 0
    for number, pair in pairs.read():
        if not is_empty(pair):
            with pairs.naming(number):
                total += len(pair.X) * score(*pair)
            n_images += len(pair.X)
    if n_images == 0:
        raise ValueError(NO_ROWS)
    return total / n_images


def join_results(results: object) -> NDArray:
    """Return a method's results for blocks, an iterator or a dask array, as one array.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    parts = [*results] if isinstance(results, Iterator) else [np.asarray(results)]
    if not sum(map(len, parts)):
        raise ValueError(NO_ROWS)
    return np.concatenate(parts)


def _joined(parts: Sequence[NDArray]) -> NDArray:
    """Return the rows of all parts in one array, which is sparse if the parts are."""
    if scipy.sparse.issparse(parts[0]):
        joined: NDArray = scipy.sparse.vstack(parts, format="csr")
        return joined
    return np.concatenate(parts)


def _call(
    estimator: TakesBlocks,
    name: str,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    block: object,
) -> NDArray:
    check_single(estimator, block)
    result: NDArray = getattr(estimator, name)(block, *args, **kwargs)
    return result


def _check_arguments(args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    """Raise ValueError if a y is given: it would have a value for every row of all blocks."""
    if any(y is not None for y in (*args[:1], kwargs.get("y"))):
        raise ValueError(
            "y is not taken beside an X in blocks. Call the method for every block and its y."
        )


def _check_output(estimator: object, name: str) -> None:
    """Raise ValueError if `set_output` asks for a dataframe."""
    if name == "transform" and find_output_config(name, estimator)["dense"] != "default":
        raise ValueError(
            "set_output asks for a dataframe, but blocks are transformed to arrays. Call "
            "set_output(transform='default') before."
        )


# Shapes and dtypes of the results of methods, for `by_blocks`.


def codes_shape(estimator: HasRows, X: object) -> tuple[int, ...]:
    """Return the shape of a code."""
    return (estimator._n_features_out,)


def rows_shape(estimator: HasRows, X: object) -> tuple[int, ...]:
    """Return the shape that a row of X had in fit."""
    row = np.empty((1, estimator.n_features_in_))
    return tuple(estimator._in_given_shape(row).shape[1:])


def scores_shape(estimator: object, X: object) -> tuple[int, ...]:
    """Return the shape of a score, which is a number."""
    return ()


def dtype_of_scores(estimator: object, X: object) -> DTypeLike:
    """Return float64."""
    return np.float64


def dtype_of_labels(estimator: Any, X: object) -> DTypeLike:
    """Return the dtype of the classes."""
    dtype: DTypeLike = estimator.classes_.dtype
    return dtype
