"""A sample of rows, of which nobody knows how many will come."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.blocks._reservoir import Reservoir


def _filled(n_places, sizes, seed=0):
    """Return a reservoir after blocks of rows that hold their own positions."""
    reservoir = Reservoir([np.empty((n_places, 1))])
    rng, start = np.random.default_rng(seed), 0
    for n_rows in sizes:
        X = start + np.arange(n_rows, dtype=float)[:, None]
        reservoir.add([X], np.arange(n_rows), rng, start)
        start += n_rows
    return reservoir


@pytest.mark.parametrize("sizes", [[3], [1] * 5, [2, 0, 4], [8], [5, 5, 5]])
def test_rows_are_kept_once_and_with_their_positions(sizes):
    reservoir = _filled(8, sizes)
    order = reservoir.order()
    assert len(order) == min(8, sum(sizes))
    positions = reservoir.positions[order]
    assert len(set(positions)) == len(order)
    assert_array_equal(reservoir.places[0][order, 0], positions)


def test_every_row_has_the_same_chance_wherever_it_is():
    n_tries = 4000
    counts = np.zeros(12)
    for seed in range(n_tries):
        reservoir = _filled(4, [5, 1, 6], seed)
        counts[reservoir.positions[reservoir.order()]] += 1
    # five standard deviations of a binomial count
    assert np.abs(counts / n_tries - 1 / 3).max() < 5 * (2 / 9 / n_tries) ** 0.5


def test_the_order_is_random():
    firsts = [_filled(4, [4], seed).order()[0] for seed in range(200)]
    first_rows = [_filled(4, [4], s).positions[f] for s, f in zip(range(200), firsts, strict=True)]
    assert np.bincount(first_rows, minlength=4).min() > 25


def test_only_some_rows_of_a_block():
    reservoir = Reservoir([np.empty((3, 1))])
    reservoir.add([np.arange(10.0)[:, None]], np.array([2, 7]), np.random.default_rng(0), 100)
    assert sorted(reservoir.positions[reservoir.order()]) == [102, 107]


def test_no_place():
    assert len(_filled(0, [3, 2]).order()) == 0
