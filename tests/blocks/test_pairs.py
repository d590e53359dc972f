"""X and y in blocks, side by side."""

import dask.array
import dask.dataframe
import numpy as np
import pandas as pd
import pytest
import zarr
from numpy.testing import assert_array_equal

from skae.blocks import Pair, find_blocks, find_pairs, is_empty

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), RNG.normal(size=(40, 7))


class Iterable:
    """Yields blocks, anew at every call."""

    def __init__(self, blocks):
        self.blocks = blocks
        self.n_passes = 0

    def __iter__(self):
        self.n_passes += 1
        yield from self.blocks


def _memmap(array, folder):
    found = np.memmap(folder / str(array.shape[1]), array.dtype, "w+", shape=array.shape)
    found[:] = array
    return found


def _unknown(array, n_rows):
    """Return a dask array that does not know how many rows its blocks have."""
    found = dask.array.from_array(array, chunks=(n_rows, array.shape[1]))
    return found[found[:, 0] < np.inf]


def _split(array):
    return np.split(array, [11, 11, 30])


SOURCES = {
    "memmap": _memmap,
    "array": lambda array, folder: array,
    "zarr": lambda array, folder: zarr.array(array, chunks=(4 + array.shape[1], 2)),
    "dask": lambda array, folder: dask.array.from_array(array, chunks=(4 + array.shape[1], 2)),
    "list": lambda array, folder: _split(array),
    "iterable": lambda array, folder: Iterable(_split(array)),
}
SLICED = ("memmap", "array", "zarr", "dask")
PAIRED = [
    *((one, other) for one in SLICED for other in SLICED if (one, other) != ("array", "array")),
    *((one, other) for one in ("list", "iterable") for other in ("list", "iterable")),
]


@pytest.fixture(autouse=True)
def small_memmaps(monkeypatch):
    monkeypatch.setattr("skae.blocks._find.LARGE", 100)
    monkeypatch.setattr("skae.blocks._pairs.BYTES_PER_SLICE", 8 * 10 * 6)
    monkeypatch.setattr("skae.blocks._slices.BYTES_PER_SLICE", 4 * 3 * 10)


def _find(of_x, of_y, folder):
    return find_pairs(SOURCES[of_x](X, folder), SOURCES[of_y](Y, folder))


@pytest.mark.parametrize(("of_x", "of_y"), PAIRED)
def test_rows_stay_together(of_x, of_y, tmp_path):
    pairs = _find(of_x, of_y, tmp_path)
    for _ in range(2):
        numbers, read = zip(*pairs.read(), strict=True)
        assert numbers == tuple(range(len(read)))
        assert len(read) > 1
        assert pairs.n_blocks in (None, len(read))
        for pair, given in zip(zip(*read, strict=True), (X, Y), strict=True):
            assert_array_equal(np.concatenate(pair), given)
        assert all(len(pair.X) == len(pair.y) for pair in read)


@pytest.mark.parametrize(("of_x", "of_y"), PAIRED)
def test_in_another_order(of_x, of_y, tmp_path):
    pairs = _find(of_x, of_y, tmp_path)
    read = dict(pairs.read())
    wanted = [0, 1, 2, 3] if pairs.n_blocks is None else [2, 0]
    again = list(pairs.read(iter([2, 0])))
    assert [number for number, _ in again] == wanted
    for number, pair in again:
        assert_array_equal(pair.X, read[number].X)
        assert_array_equal(pair.y, read[number].y)


@pytest.mark.parametrize("source", ["memmap", "zarr", "dask", "list", "iterable"])
@pytest.mark.parametrize("has_y", [True, False])
def test_one_object(source, has_y, tmp_path):
    given = SOURCES[source](X, tmp_path)
    pairs = find_pairs(given, given if has_y else None)
    assert pairs.n_blocks == find_blocks(given).n_blocks or source == "memmap"
    read = [pair for _, pair in pairs.read()]
    assert all(pair.y is (pair.X if has_y else None) for pair in read)
    assert_array_equal(np.concatenate([pair.X for pair in read]), X)
    if source == "iterable":
        assert given.n_passes == 1


def test_what_is_in_memory():
    assert find_pairs(X, Y) is None
    assert find_pairs(X, None) is None
    assert find_pairs(list(X), list(Y)) is None
    assert find_pairs(_split(X), _split(Y), listed_from=3) is None


def test_slices_are_of_so_many_entries_of_both(tmp_path):
    """Integers become float64, with eight bytes each."""
    small = _memmap(X.astype(np.uint8), tmp_path)
    assert [len(pair.X) for _, pair in find_pairs(small, None).read()] == [20, 20]
    assert [len(pair.X) for _, pair in find_pairs(small, Y).read()] == [6] * 6 + [4]


@pytest.mark.parametrize(
    ("of_x", "of_y", "n_rows"),
    [
        (1, 1, 12),
        (2, 3, 12),
        (3, 4, 12),
        (1, 20, 20),
        (5, 7, 35),
        # the least common multiple is too much: whole chunks of X
        (5, 39, 10),
        (39, 5, 39),
        (None, 5, 10),
        (5, None, 10),
        (None, 120, 120),
    ],
)
@pytest.mark.parametrize("kind", ["zarr", "dask"])
def test_whole_chunks_of_both(of_x, of_y, n_rows, kind, monkeypatch):
    monkeypatch.setattr("skae.blocks._pairs.BYTES_PER_SLICE", 8 * 2 * 12)
    x, y = np.arange(240.0).reshape(240, 1), np.arange(240.0).reshape(240, 1)
    make = dask.array.from_array if kind == "dask" else zarr.array
    given_x = x if of_x is None else zarr.array(x, chunks=(of_x, 1))
    given_y = y if of_y is None else make(y, chunks=(of_y, 1))
    lengths = [len(pair.X) for _, pair in find_pairs(given_x, given_y).read()]
    assert set(lengths[:-1]) <= {n_rows}
    assert sum(lengths) == 240


STORED = {
    "zarr": lambda array: zarr.array(array, chunks=(8, array.shape[1])),
    "dask": lambda array: dask.array.from_array(array, chunks=(8, 2)),
    "unknown": lambda array: _unknown(array, 8),
    "frame": lambda array: dask.dataframe.from_pandas(pd.DataFrame(array), npartitions=5),
    "list": lambda array: np.split(array, 5),
    "iterable": lambda array: Iterable(np.split(array, 5)),
}
FREE = {"zarr", "dask"}


@pytest.mark.parametrize(
    ("of_x", "of_y"),
    [(one, other) for one in STORED for other in STORED if not {one, other} <= FREE],
)
def test_blocks_as_they_are_stored(of_x, of_y, monkeypatch):
    """Nothing is put together that the other one has apart, however small it is."""
    monkeypatch.setattr("skae.blocks._slices.BYTES_PER_SLICE", 2**20)
    pairs = find_pairs(STORED[of_x](X), STORED[of_y](Y))
    read = [pair for _, pair in pairs.read()]
    assert [len(pair.X) for pair in read] == [8] * 5
    assert_array_equal(np.concatenate([pair.X for pair in read]), X)
    assert_array_equal(np.concatenate([pair.y for pair in read]), Y)


def test_lists_beside_blocks_are_of_blocks():
    """With any number of dimensions of which an array can be made of rows."""
    for x, y in [(X[:, None], Y), (X, Y[:, None])]:
        pairs = find_pairs(_split(x), _split(y), listed_from=3)
        assert pairs.n_blocks == 4


def test_sizes_with_zeros():
    x = dask.array.from_array(X, chunks=((0, 0, 17, 0, 23, 0), 3))
    y = dask.array.from_array(Y, chunks=((30, 0, 10), 7))
    for given in (y, zarr.array(Y, chunks=(9, 7)), Y):
        assert [len(pair.y) for _, pair in find_pairs(x, given).read()] == [0, 17, 0, 23, 0]
    for given in (x[:0], zarr.zeros((0, 3)), X[:0]):
        assert all(is_empty(pair) for _, pair in find_pairs(given, y[:0]).read())


def test_blocks_without_rows():
    assert is_empty(Pair(X[:0], Y[:0]))
    assert not is_empty(Pair(X, None))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (_split(X), _split(Y)[:3], "X has 4 blocks, and y has 3. Give one block of y for"),
        (_split(X), Y, "X comes in blocks, but y, a ndarray, does not. Give y in blocks as well"),
        (X, Iterable(_split(Y)), "y comes in blocks, but X, a ndarray, does not. Give X in blocks"),
        (zarr.array(X, chunks=(9, 3)), _split(Y), r"X has 5 blocks \(each a chunk of zarr\), and"),
        (_unknown(X, 20), zarr.array(Y, chunks=(8, 7)), r"y has 5 .*zarr"),
        (zarr.array(X), zarr.array(Y[:30]), "X has 40 rows, y has 30"),
        (dask.array.from_array(X, 9), dask.array.from_array(Y[:30], 8), "X has 40 rows, y has 30"),
        (_split(X), iter(_split(Y)), "y is a list_iterator, which can be gone through only once"),
        (iter(_split(X)), None, "X is a list_iterator, which can be gone through only once"),
    ],
)
def test_what_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        find_pairs(x, y)


def _break_off(blocks):
    yield blocks[0]
    raise OSError("gone")


class Broken:
    def __iter__(self):
        return _break_off(_split(X))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (Iterable(_split(X)), _split(Y)[:3], "Block 3 of y is missing: X has more blocks"),
        (Iterable(_split(X)[:2]), _split(Y), "Block 2 of X is missing: y has more blocks"),
        (_split(X), np.split(Y, [11, 12, 30]), "Block 1 of X and y .* X has 0 rows, y has 1"),
        (_split(X), ["a", 3.0, 2, 1], "Block 0 of X and y .* X has 11 rows, y has 1"),
        (Broken(), _split(Y), r"Block 1 of X cannot be used: OSError\('gone'\)"),
        (_split(X), Broken(), r"Block 1 of y cannot be used: OSError\('gone'\)"),
    ],
)
def test_what_is_refused_when_it_is_read(x, y, message):
    given = y if not isinstance(y, list) or isinstance(y[0], np.ndarray) else Iterable(y)
    pairs = find_pairs(x, given)
    with pytest.raises(ValueError, match=message):
        list(pairs.read())
