"""Blocks are read in parts, and known again in every pass."""

import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from skae import AutoencoderTransformer
from skae.blocks import HeldOut, ListedBlocks, OneBlock, find_pairs
from skae.rows._reader import Reader
from skae.rows._rows import Rows

RNG = np.random.default_rng(0)
X = RNG.integers(0, 255, size=(90, 6)).astype(np.uint8)
SIZES = [40, 0, 50]


def _read(block, y, *, reset):
    X = np.asarray(block, dtype=np.float64)
    return Rows(X, X)


def _reader(share=0.2, blocks=None):
    blocks = blocks or ListedBlocks(np.split(X, np.cumsum(SIZES)[:-1]))
    return Reader(blocks, _read, HeldOut(share, None, 0))


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("skae.blocks._blocks.ENTRIES_AT_ONCE", 6 * 7)


@pytest.mark.parametrize("order_parts", [range, lambda n: range(n)[::-1]])
def test_parts_have_the_rows_of_whole_blocks(small_parts, order_parts):
    reader = _reader()
    first = list(reader.read_first())
    assert max(part.rows.n_rows for part in first) == 7
    assert reader.lengths == SIZES
    assert_array_equal(np.concatenate([part.rows.seen for part in first]), X)
    again = sorted(reader.read_again(None, order_parts), key=lambda part: part.start)
    for one, other in zip(first, again, strict=True):
        assert (one.number, one.start) == (other.number, other.start)
        assert_array_equal(one.rows.seen, other.rows.seen)
        assert_array_equal(one.is_held_out, other.is_held_out)


def test_the_same_rows_are_held_out_as_of_whole_blocks(monkeypatch):
    whole = np.concatenate([block.is_held_out for block in _reader().read_first()])
    monkeypatch.setattr("skae.blocks._blocks.ENTRIES_AT_ONCE", 6 * 7)
    parts = np.concatenate([part.is_held_out for part in _reader().read_first()])
    assert_array_equal(parts, whole)
    assert parts.sum() == 18


def test_what_is_in_memory_is_not_parted(small_parts):
    (block,) = _reader(blocks=OneBlock(X)).read_first()
    assert block.rows.n_rows == 90


@pytest.mark.parametrize("has_y", [True, False])
def test_pairs_stay_pairs(small_parts, has_y):
    y = 2 * X[:, :2].astype(np.float32)
    pairs = find_pairs(
        zarr.array(X, chunks=(50, 6)), zarr.array(y, chunks=(50, 2)) if has_y else None
    )
    (_, pair), *_ = pairs.read()
    parts = pair.split_rows()
    assert len(parts) > 2
    assert_array_equal(np.concatenate([part.X for part in parts]), X[: len(pair.X)])
    for part in parts:
        if has_y:
            assert_array_equal(part.y, 2 * part.X[:, :2].astype(np.float32))
        else:
            assert part.y is None


class Changing:
    """Blocks, other ones in every pass."""

    def __init__(self, *passes):
        self.passes = iter(passes)

    def __iter__(self):
        return iter(next(self.passes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda blocks: blocks[::-1], "Block 0 of X cannot be used: it has other rows than before"),
        (lambda blocks: [blocks[0], blocks[1][::-1]], "Block 1 .* it has other rows than before"),
        (lambda blocks: [blocks[0], blocks[1][1:]], "Block 1 .* it has 44 rows, but had 45 before"),
        (lambda blocks: blocks[:1], "Block 1 of X is missing: there were 2 blocks before"),
        (lambda blocks: [*blocks, X], "Block 2 .* there were only 2 blocks before"),
    ],
)
def test_other_blocks_than_before_are_refused(small_parts, change, message):
    blocks = np.split(X.astype(np.float64), 2)
    estimator = AutoencoderTransformer(2, max_iter=2, random_state=0).fit(X)
    before = estimator.transform(X)
    with pytest.raises(ValueError, match=message):
        estimator.fit(Changing(blocks, change(blocks)))
    assert_array_equal(estimator.transform(X), before)
