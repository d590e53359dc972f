"""Which objects are tables to be read block by block.

Told by their classes' names, so that nothing is imported which the user has not.
"""

import os
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from skae.blocks._blocks import Blocks
from skae.blocks._dask import DaskArray, DaskFrame
from skae.blocks._iterables import IteratedBlocks, ListedBlocks
from skae.blocks._parquet import RowGroups, RowGroupsOfFile
from skae.blocks._slices import Chunks, Slices

LARGE = 2**29
"""Bytes from which on a memory map is read in slices. Smaller ones are arrays like any other:
joblib makes maps of arrays that it hands to other processes."""


def find_blocks(X: Any, listed_from: int | None = 2, name: str = "X") -> Blocks | None:
    """Return the blocks of an object, or None if it is to be taken as one array.

    Blocks are those of

    - memory maps of at least `LARGE` bytes, arrays of zarr;
    - arrays and dataframes of dask;
    - pyarrow's `ParquetFile` and `Dataset`, and paths that end in ".parquet";
    - lists and other sequences, of which some entry has `listed_from` dimensions or more, nested
      lists included; a `Dataset` of torch whose items have;
    - this package's own `Blocks`;
    - other objects with `__iter__`, without `__getitem__` and without a shape; `IterableDataset`
      and `DataLoader` of torch.

    Parameters
    ----------
    X : object
    listed_from : int or None, default=2
        None: lists are none of blocks. Of arrays with fewer dimensions, they are lists of rows.
    name : str, default="X"
        What messages call the object.

    Raises
    ------
    ValueError
        If it is an iterator, which can be gone through once, or if it gives other rows in every
        pass, or something else beside them.
    """
    blocks = _find(X, listed_from, name)
    if blocks is not None and name != "X":
        blocks.name = name
    return blocks


def is_lazy(X: Any) -> bool:
    """Whether an object is one of blocks which are not in memory."""
    return find_library(X) is not None or _is_path(X) or _is_iterable(X)


def _find(X: Any, listed_from: int | None, name: str) -> Blocks | None:
    if isinstance(X, Blocks):
        return X
    if isinstance(X, np.ndarray):
        is_large = isinstance(X, np.memmap) and X.ndim > 1 and X.nbytes >= LARGE
        return Slices(X) if is_large else None
    if is_lazy(X):
        return _find_lazy(X, name)
    is_listed = listed_from is not None and _is_listed(X, listed_from, name)
    return ListedBlocks(X) if is_listed else None


def _find_lazy(X: Any, name: str) -> Blocks:
    library = find_library(X)
    if library == "dask":
        return DaskFrame(X) if hasattr(X, "npartitions") and hasattr(X, "columns") else DaskArray(X)
    if library == "zarr":
        return Chunks(X)
    if library == "pyarrow":
        return RowGroups.of_dataset(X) if hasattr(X, "get_fragments") else RowGroupsOfFile(X)
    if _is_path(X):
        return RowGroups.of_path(X)
    if isinstance(X, Iterator):
        raise ValueError(
            f"{name} is a {type(X).__name__}, which can be gone through only once. Blocks of rows "
            "are needed several times: give a list of them, or an object whose __iter__ begins "
            "anew at every call."
        )
    _check_order(X, name)
    return IteratedBlocks(X)


def _check_order(X: Any, name: str) -> None:
    """Raise ValueError if torch serves rows in another order at every pass."""
    if _is_of_torch(X, "DataLoader") and "Random" in type(X.sampler).__name__:
        raise ValueError(
            f"{name} is a DataLoader that shuffles, but blocks must be the same in every pass. Set "
            "shuffle=False: a fit draws orders itself."
        )


def find_library(X: Any) -> str | None:
    """Return the library that an object with blocks is of, or None."""
    name = type(X).__module__.split(".")[0]
    has_blocks = {
        "dask": hasattr(X, "__dask_graph__") and hasattr(X, "ndim"),
        "zarr": hasattr(X, "chunks") and hasattr(X, "shape"),
        "pyarrow": hasattr(X, "get_fragments") or hasattr(X, "read_row_group"),
    }
    return name if has_blocks.get(name, False) else None


def _is_path(X: Any) -> bool:
    if not isinstance(X, str | os.PathLike):
        return False
    path = os.fspath(X)
    return isinstance(path, str) and path.endswith(".parquet")


def _is_iterable(X: Any) -> bool:
    if isinstance(X, type | str | bytes | Mapping | Set | Sequence) or not hasattr(X, "__iter__"):
        return False
    # it has a __getitem__ that nobody can use
    if _is_of_torch(X, "IterableDataset"):
        return True
    return not any(hasattr(X, name) for name in ("__getitem__", "shape", "__array__"))


def _is_listed(X: Any, listed_from: int, name: str) -> bool:
    """Whether an object is a sequence of blocks, of so many dimensions or more."""
    if _is_of_torch(X, "Dataset") and hasattr(X, "__len__") and len(X) > 0:
        return _has_blocks(X, listed_from, name)
    is_sequence = isinstance(X, Sequence) and not isinstance(X, str | bytes | memoryview)
    return is_sequence and any(_count_dims(part) >= listed_from for part in X)


def _has_blocks(X: Any, listed_from: int, name: str) -> bool:
    """Whether the items of a Dataset of torch are blocks, and not rows.

    Raises
    ------
    ValueError
        If they are tuples, which have something else beside rows.
    """
    first = X[0]
    if isinstance(first, Sequence | Mapping):
        raise ValueError(
            f"{name} is a {type(X).__name__} whose items are of type {type(first).__name__}, as of "
            "rows and their targets. Give the rows alone: as one array, or with arrays as items."
        )
    return _count_dims(first) >= listed_from


def _count_dims(X: Any) -> int:
    """Return how many dimensions an array has, or a list by its first entries; 5 may be more."""
    n_listed = 0
    while isinstance(X, list | tuple) and n_listed < 5:
        n_listed += 1
        X = X[0] if X else None
    shape = getattr(X, "shape", ())
    return n_listed + (len(shape) if isinstance(shape, tuple) else 0)


def _is_of_torch(X: Any, name: str) -> bool:
    """Whether an object is of a class in torch.utils.data."""
    return any(
        kind.__name__ == name and kind.__module__.startswith("torch.utils.data")
        for kind in type(X).__mro__
    )
