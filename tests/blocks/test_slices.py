"""How much of an array is read at once."""

import dask.array
import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from skae.blocks import find_blocks
from skae.blocks._slices import Chunks

X = np.random.default_rng(0).normal(size=(100, 3))
ROW = 24
"""Bytes of a row."""


@pytest.fixture
def ten_rows(monkeypatch):
    monkeypatch.setattr("skae.blocks._slices.BYTES_PER_SLICE", 10 * ROW + 5)


class Recorded:
    """An array in chunks that remembers what was read of it."""

    shape = X.shape
    dtype = X.dtype

    def __init__(self, n_in_chunk):
        self.chunks = (n_in_chunk, 3)
        self.read = []

    def __getitem__(self, rows):
        self.read.append(rows)
        return X[rows]


@pytest.mark.parametrize(
    ("n_in_chunk", "n_at_once"), [(1, 10), (3, 9), (4, 8), (5, 10), (10, 10), (11, 11), (200, 200)]
)
def test_whole_chunks_as_many_as_fit_at_least_one(ten_rows, n_in_chunk, n_at_once):
    array = Recorded(n_in_chunk)
    blocks = [block for _, block in Chunks(array).read()]
    assert_array_equal(np.concatenate(blocks), X)
    assert [rows.start for rows in array.read] == list(range(0, 100, n_at_once))


@pytest.mark.parametrize("n_in_chunk", [1, 7, 30])
def test_of_zarr(ten_rows, n_in_chunk):
    blocks = find_blocks(zarr.array(X, chunks=(n_in_chunk, 2)))
    parts = [block for _, block in blocks.read()]
    assert len(parts) == blocks.n_blocks == {1: 10, 7: 15, 30: 4}[n_in_chunk]
    assert_array_equal(np.concatenate(parts), X)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((1,) * 100, [10] * 10),
        ((4,) * 25, [8] * 12 + [4]),
        ((50, 1, 1, 8, 1, 39), [50, 10, 1, 39]),
        ((0, 0, 100, 0), [0, 100, 0]),
    ],
)
def test_of_dask(ten_rows, sizes, expected):
    array = dask.array.from_array(X, chunks=(sizes, 2))
    blocks = find_blocks(array)
    parts = [block for _, block in blocks.read()]
    assert [len(part) for part in parts] == expected
    assert_array_equal(np.concatenate(parts), X)
    assert_array_equal(next(iter(blocks.read([1])))[1], parts[1])
    # results have the blocks that they are asked for
    assert blocks.map(lambda rows: rows[:, 0], (), float).chunks == (sizes,)


def test_blocks_of_unknown_size_are_computed_one_by_one(ten_rows):
    array = dask.array.from_array(X, chunks=(20, 3))
    array = array[array[:, 0] > 0]
    parts = [block for _, block in find_blocks(array).read()]
    assert len(parts) == 5
    assert_array_equal(np.concatenate(parts), X[X[:, 0] > 0])
