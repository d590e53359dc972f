"""Objects with blocks: which they are, and what their blocks are."""

import array
import subprocess
import sys
from collections import deque

import dask.array
import dask.dataframe
import numpy as np
import pandas as pd
import pyarrow.dataset
import pyarrow.parquet
import pytest
import torch
import zarr
from numpy.testing import assert_array_equal
from scipy import sparse
from torch.utils.data import DataLoader, TensorDataset

from skae.blocks import find_blocks, is_empty, is_lazy
from skae.blocks._slices import Slices

X = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


class Items(torch.utils.data.Dataset):
    """Gives its entries one by one."""

    def __init__(self, entries):
        self.entries = entries

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, number):
        return self.entries[number]


class Served(torch.utils.data.IterableDataset):
    """Yields blocks; its __getitem__ is not to be called."""

    def __iter__(self):
        return iter(np.array_split(X, 4))


class Iterable:
    """Yields blocks, anew at every call."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


def _parquet(folder):
    path = folder / "rows.parquet"
    FRAME.to_parquet(path, row_group_size=30)
    return path


def _memmap(folder):
    array = np.memmap(folder / "rows", np.float32, "w+", shape=X.shape)
    array[:] = X
    return array


SOURCES = {
    "memmap": _memmap,
    "zarr": lambda folder: zarr.array(X, chunks=(30, 2)),
    "dask array": lambda folder: dask.array.from_array(X, chunks=(30, 2)),
    "dask frame": lambda folder: dask.dataframe.from_pandas(FRAME, npartitions=4),
    "parquet path": _parquet,
    "parquet text": lambda folder: str(_parquet(folder)),
    "parquet file": lambda folder: pyarrow.parquet.ParquetFile(_parquet(folder)),
    "parquet dataset": lambda folder: pyarrow.dataset.dataset(_parquet(folder)),
    "list of arrays": lambda folder: np.array_split(X, 4),
    "tuple of frames": lambda folder: (FRAME[:40], FRAME[40:]),
    "list of tensors": lambda folder: list(torch.from_numpy(X).split(30)),
    "nested lists": lambda folder: [part.tolist() for part in np.array_split(X, 3)],
    "lists of rows": lambda folder: [list(part) for part in np.array_split(X, 3)],
    "deque": lambda folder: deque(np.array_split(X, 4)),
    "dataset of blocks": lambda folder: Items(np.array_split(X, 4)),
    "iterable dataset": lambda folder: Served(),
    "loader": lambda folder: DataLoader(Items(X), batch_size=25),
    "loader of blocks": lambda folder: DataLoader(Items(np.array_split(X, 4)), batch_size=None),
    "iterable": lambda folder: Iterable(np.array_split(X, 4)),
    "values": lambda folder: dict(enumerate(np.array_split(X, 4))).values(),
}
over_sources = pytest.mark.parametrize("source", SOURCES)


@pytest.fixture(autouse=True)
def small_memmaps(monkeypatch):
    monkeypatch.setattr("skae.blocks._find.LARGE", 1000)
    monkeypatch.setattr("skae.blocks._slices.BYTES_PER_SLICE", 300)


@over_sources
def test_blocks_have_all_rows_in_order_every_time(source, tmp_path):
    blocks = find_blocks(SOURCES[source](tmp_path))
    for _ in range(2):
        numbers, parts = zip(*blocks.read(), strict=True)
        assert numbers == tuple(range(len(parts)))
        assert len(parts) > 1
        assert blocks.n_blocks in (None, len(parts))
        assert_array_equal(np.concatenate([np.asarray(part) for part in parts]), X)


@over_sources
def test_blocks_in_another_order(source, tmp_path):
    blocks = find_blocks(SOURCES[source](tmp_path))
    if blocks.n_blocks is None:
        assert [number for number, _ in blocks.read([1, 0])] == [0, 1, 2, 3]
        return
    parts = dict(blocks.read())
    for number, part in blocks.read([1, 0]):
        assert_array_equal(np.asarray(part), np.asarray(parts[number]))


@over_sources
def test_dtype_and_names_stay(source, tmp_path):
    _, first = next(find_blocks(SOURCES[source](tmp_path)).read())
    # numbers of Python are in double precision
    assert np.asarray(first).dtype == (np.float64 if source == "nested lists" else np.float32)
    if "parquet" in source or "frame" in source:
        assert list(first.columns) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "given",
    [
        X,
        X.tolist(),
        [list(row) for row in X],
        list(X),
        FRAME,
        torch.from_numpy(X),
        sparse.csr_array(X),
        range(3),
        {1, 2},
        {"a": [1]},
        "text",
        b"bytes",
        None,
        3.0,
        np.ndarray,
        [],
        (),
        [[1.0, 2.0]],
        [[], []],
        memoryview(X),
        array.array("d", [1.0, 2.0]),
        Items(X),
        Items([]),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_an_array_or_nothing(given):
    assert find_blocks(given) is None
    assert not is_lazy(given)


def test_small_memmaps_are_arrays(tmp_path, monkeypatch):
    array = _memmap(tmp_path)
    monkeypatch.setattr("skae.blocks._find.LARGE", X.nbytes + 1)
    assert find_blocks(array) is None
    monkeypatch.setattr("skae.blocks._find.LARGE", X.nbytes)
    assert find_blocks(array).n_blocks == 4
    # rows of a memory map are in memory
    assert find_blocks(array[np.arange(99)]) is None


def test_lists_of_images_are_no_blocks():
    images = [np.zeros((4, 4)), np.zeros((4, 4))]
    assert find_blocks(images) is not None
    assert find_blocks(images, listed_from=None) is None
    assert find_blocks(images, listed_from=4) is None
    assert find_blocks([np.zeros((2, 1, 4, 4))], listed_from=4).n_blocks == 1


@pytest.mark.parametrize("iterator", [iter([X]), (block for block in [X]), map(abs, [X])])
def test_iterators_are_refused(iterator):
    with pytest.raises(ValueError, match=r"can be gone through only once.*__iter__ begins anew"):
        find_blocks(iterator)


def test_lists_without_rows_are_blocks_as_well():
    parts = [part for _, part in find_blocks([[], X, X[:0]]).read()]
    assert [is_empty(part) for part in parts] == [True, False, True]


def test_loaders_that_shuffle_are_refused():
    with pytest.raises(ValueError, match=r"X is a DataLoader that shuffles.*Set shuffle=False"):
        find_blocks(DataLoader(Items(X), batch_size=20, shuffle=True))


def test_items_that_are_more_than_rows_are_refused():
    with pytest.raises(ValueError, match=r"TensorDataset whose items are of type tuple"):
        find_blocks(TensorDataset(torch.from_numpy(X)))


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_maps_stay_as_they_are(tmp_path, mode):
    _memmap(tmp_path).flush()
    array = np.memmap(tmp_path / "rows", np.float32, mode, shape=X.shape)
    expected = X.copy()
    if mode != "r":
        array[50] = expected[50] = 7
    for _ in range(2):
        parts = [part for _, part in find_blocks(array).read()]
        assert_array_equal(np.concatenate(parts), expected)
    assert_array_equal(array, expected)


def test_nothing_is_imported_that_is_not_there():
    code = (
        "import sys, numpy as np, sklearn.base, sklearn.utils\n"
        "before = set(sys.modules)\n"
        "from skae.blocks import find_blocks\n"
        "find_blocks([np.ones((3, 2))]), find_blocks(np.ones((3, 2))), find_blocks('x')\n"
        "assert not {'dask', 'zarr', 'pyarrow'} & (sys.modules.keys() - before)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_pyarrow_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.dataset", None)
    with pytest.raises(ImportError, match=r"pip install 'skae\[blocks\]'"):
        find_blocks("rows.parquet")


def test_a_view_of_a_map_of_copies_keeps_what_was_written_to_it(tmp_path):
    np.zeros((50, 4)).tofile(tmp_path / "rows")
    copies = np.asarray(np.memmap(tmp_path / "rows", np.float64, mode="c", shape=(50, 4)))
    copies[:] = 1
    assert Slices(copies).load(0).all()
    assert copies.all()
