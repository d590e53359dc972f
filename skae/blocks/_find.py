"""Recognise objects that are to be read block by block.

Libraries are recognised by the names of classes, so that none is imported that the user may not
have installed.
"""

import os
from collections.abc import Iterator, Mapping, Sequence, Set

import numpy as np

from skae.blocks._blocks import Block, Blocks
from skae.blocks._dask import DaskArray, DaskFrame
from skae.blocks._iterables import IteratedBlocks, ListedBlocks
from skae.blocks._parquet import RowGroups, RowGroupsOfFile
from skae.blocks._slices import Chunks, Slices

LARGE = 2**29
"""Size in bytes from which on a memory map is read in slices. Smaller ones are treated as arrays in
memory: joblib passes arrays to its processes as memory maps."""


def find_blocks(X: object, listed_from: int | None = 2, name: str = "X") -> Blocks | None:
    """Return the blocks of an object, or None if it is to be taken as one array.

    The following objects are read in blocks:

    - memory maps of at least `LARGE` bytes, and arrays of zarr;
    - arrays and dataframes of dask;
    - pyarrow's `ParquetFile` and `Dataset`, and paths that end in ".parquet";
    - lists and other sequences in which an entry has at least `listed_from` dimensions, nested
      lists included, and a torch `Dataset` whose items have;
    - this package's own `Blocks`;
    - other objects with `__iter__` that have no `__getitem__` and no shape, and torch's
      `IterableDataset` and `DataLoader`.

    Parameters
    ----------
    X : object
    listed_from : int or None, default=2
        Number of dimensions from which on the entries of a list are blocks. Entries with fewer
        dimensions are rows. None: a list is never read in blocks.
    name : str, default="X"
        The name of the object in error messages.

    Raises
    ------
    ValueError
        If X is an iterator, which can be read only once, a DataLoader that shuffles, or a Dataset
        whose items are tuples.
    """
    blocks = _find(X, listed_from, name)
    if blocks is not None and name != "X":
        blocks.name = name
    return blocks


def is_lazy(X: object) -> bool:
    """Return whether an object has blocks that are not in memory yet."""
    return find_library(X) is not None or _is_path(X) or _is_iterable(X)


def _find(X: Block, listed_from: int | None, name: str) -> Blocks | None:
    if isinstance(X, Blocks):
        return X
    if isinstance(X, np.ndarray):
        is_large = isinstance(X, np.memmap) and X.ndim > 1 and X.nbytes >= LARGE
        return Slices(X) if is_large else None
    if is_lazy(X):
        return _find_lazy(X, name)
    is_listed = listed_from is not None and _is_listed(X, listed_from, name)
    return ListedBlocks(X) if is_listed else None


def _find_lazy(X: Block, name: str) -> Blocks:
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
            f"{name} is a {type(X).__name__}, which can be gone through only once. Blocks are read "
            "several times: give a list of them, or an object whose __iter__ begins anew at every "
            "call."
        )
    _check_order(X, name)
    return IteratedBlocks(X)


def _check_order(X: object, name: str) -> None:
    """Raise ValueError if X is a DataLoader of torch that serves rows in random order."""
    is_loader = _is_of_torch(X, "DataLoader")
    if is_loader and "Random" in type(getattr(X, "sampler", None)).__name__:
        raise ValueError(
            f"{name} is a DataLoader that shuffles, but blocks must be the same in every pass. Set "
            "shuffle=False: fit shuffles rows itself."
        )


def find_library(X: object) -> str | None:
    """Return "dask", "zarr" or "pyarrow" if X is one of their objects with blocks, else None."""
    name = type(X).__module__.split(".")[0]
    has_blocks = {
        "dask": hasattr(X, "__dask_graph__") and hasattr(X, "ndim"),
        "zarr": hasattr(X, "chunks") and hasattr(X, "shape"),
        "pyarrow": hasattr(X, "get_fragments") or hasattr(X, "read_row_group"),
    }
    return name if has_blocks.get(name, False) else None


def _is_path(X: object) -> bool:
    if not isinstance(X, str | os.PathLike):
        return False
    path = os.fspath(X)
    return isinstance(path, str) and path.endswith(".parquet")


def _is_iterable(X: object) -> bool:
    if isinstance(X, type | str | bytes | Mapping | Set | Sequence) or not hasattr(X, "__iter__"):
        return False
    # torch gives it a __getitem__ that only raises an error
    if _is_of_torch(X, "IterableDataset"):
        return True
    return not any(hasattr(X, name) for name in ("__getitem__", "shape", "__array__"))


def _is_listed(X: Block, listed_from: int, name: str) -> bool:
    """Return whether X is a sequence in which an entry has at least `listed_from` dimensions."""
    if _is_of_torch(X, "Dataset") and hasattr(X, "__len__") and len(X) > 0:
        return _has_blocks(X, listed_from, name)
    is_sequence = isinstance(X, Sequence) and not isinstance(X, str | bytes | memoryview)
    return is_sequence and any(_count_dims(part) >= listed_from for part in X)


def _has_blocks(X: Sequence[Block], listed_from: int, name: str) -> bool:
    """Return whether the items of a Dataset of torch are blocks instead of rows.

    Raises
    ------
    ValueError
        If the items are tuples, lists or dicts, which have targets or more beside the rows.
    """
    # the first item stands for all: reading every one could take as long as a pass
    first = X[0]
    if isinstance(first, Sequence | Mapping):
        raise ValueError(
            f"{name} is a {type(X).__name__} whose items are of type {type(first).__name__}, as if "
            "they had rows and targets. Give the rows alone: as one array, or with arrays as items."
        )
    return _count_dims(first) >= listed_from


def _count_dims(X: Block) -> int:
    """Return the number of dimensions of an array or a nested list.

    A list has one more than its first entry. Nesting is followed for 5 levels only.
    """
    n_listed = 0
    while isinstance(X, list | tuple) and n_listed < 5:
        n_listed += 1
        X = X[0] if X else None
    shape = getattr(X, "shape", ())
    return n_listed + (len(shape) if isinstance(shape, tuple) else 0)


def _is_of_torch(X: object, name: str) -> bool:
    """Return whether X is an instance of this class of torch.utils.data, or of a subclass."""
    return any(
        kind.__name__ == name and kind.__module__.startswith("torch.utils.data")
        for kind in type(X).__mro__
    )
