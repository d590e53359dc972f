"""Which rows are held out."""

from math import ceil

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.blocks import HeldOut


def _masks(held_out, sizes):
    starts = np.cumsum([0, *sizes[:-1]])
    return [
        held_out.find(i, start, n) for i, (start, n) in enumerate(zip(starts, sizes, strict=True))
    ]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("sizes", [[100], [1] * 50, [0, 7, 30, 0, 3], [999, 1]])
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_of_few_or_unknown_blocks(share, sizes, seed):
    masks = _masks(HeldOut(share, None, seed), sizes)
    assert [len(mask) for mask in masks] == sizes
    assert sum(mask.sum() for mask in masks) == ceil(share * sum(sizes))
    for mask, n_rows in zip(masks, sizes, strict=True):
        assert abs(mask.sum() - share * n_rows) < 1


@pytest.mark.parametrize("n_blocks", [10, 11, 250])
def test_whole_blocks(n_blocks):
    masks = _masks(HeldOut(0.1, n_blocks, 0), [5] * n_blocks)
    assert all(mask.all() or not mask.any() for mask in masks)
    assert sum(mask.all() for mask in masks) == ceil(0.1 * n_blocks)


def test_a_block_is_always_left_to_learn_from():
    masks = _masks(HeldOut(0.99, 10, 0), [5] * 10)
    assert sum(not mask.any() for mask in masks) == 1


@pytest.mark.parametrize("n_blocks", [None, 3, 30])
def test_nothing_where_nothing_is_asked_for(n_blocks):
    assert not np.concatenate(_masks(HeldOut(0.0, n_blocks, 0), [5] * 30)).any()


@pytest.mark.parametrize("n_blocks", [None, 30])
def test_a_seed_draws_them(n_blocks):
    first, again, other = (
        np.concatenate(_masks(HeldOut(0.2, n_blocks, seed), [10] * 30)) for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert (first != other).any()
