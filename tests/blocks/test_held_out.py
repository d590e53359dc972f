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


@pytest.mark.thinned(2)
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
    masks = _masks(HeldOut(0.1, range(n_blocks), 0), [5] * n_blocks)
    assert all(mask.all() or not mask.any() for mask in masks)
    assert sum(mask.all() for mask in masks) == ceil(0.1 * n_blocks)


def test_a_block_is_always_left_to_learn_from():
    masks = _masks(HeldOut(0.99, range(10), 0), [5] * 10)
    assert sum(not mask.any() for mask in masks) == 1


@pytest.mark.parametrize("numbers", [None, range(3), range(30)])
def test_nothing_where_nothing_is_asked_for(numbers):
    held_out = HeldOut(0.0, numbers, 0)
    assert not np.concatenate(_masks(held_out, [5] * 30)).any()
    assert not held_out.is_one_sided([1, 2])


@pytest.mark.parametrize("numbers", [None, range(30)])
def test_a_seed_draws_them(numbers):
    first, again, other = (
        np.concatenate(_masks(HeldOut(0.2, numbers, seed), [10] * 30)) for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.thinned(1)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("sizes", [[2], [1, 1], [1, 0, 0, 1], [0, 3], [1] * 9])
def test_two_rows_are_enough_for_both_sides(share, sizes):
    mask = np.concatenate(_masks(HeldOut(share, None, 0), sizes))
    assert mask.any()
    assert not mask.all()


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_row_that_is_alone_is_on_the_side_that_is_asked_for(share):
    for holds_single in (False, True):
        assert HeldOut(share, None, 0, holds_single).find(0, 0, 1) == [holds_single]
        # with others, it makes no difference
        mask = np.concatenate(_masks(HeldOut(share, None, 0, holds_single), [1, 4, 5]))
        assert mask.sum() == min(9, np.ceil(10 * share))


def test_which_blocks_are_on_one_side():
    held_out = HeldOut(0.2, range(20), 0)
    others = set(range(20)) - held_out.whole
    assert held_out.is_one_sided([*held_out.whole])
    assert held_out.is_one_sided([*others])
    assert not held_out.is_one_sided(range(20))
    assert not HeldOut(0.2, None, 0).is_one_sided([3])


def test_drawn_once_more_among_other_blocks():
    numbers = [3, *range(40, 60)]
    held_out = HeldOut(0.1, range(100), 0).redrawn(numbers)
    assert len(held_out.whole) == 3
    assert held_out.whole < set(numbers)
    assert not held_out.is_one_sided(numbers)
    # rows of every block, where there are few
    assert HeldOut(0.1, range(100), 0).redrawn(numbers[:9]).whole is None
