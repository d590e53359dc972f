"""Rows are taken together with what belongs to them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.rows._rows import Rows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 2, 7, 6)).astype(np.float32)
TAKEN = np.array([3, 0, 3])


@pytest.mark.parametrize(
    "y", [RNG.normal(size=(5, 3, 7, 6)), RNG.integers(9, size=(5, 1, 7, 6))], ids=lambda y: y.dtype
)
@pytest.mark.parametrize("beside", [None, np.eye(5)], ids=["pairs", "classes"])
def test_they_are_taken_together(y, beside):
    rows = Rows(X, y, beside)
    assert rows.n_rows == 5
    parts = [X, y] if beside is None else [X, y, beside]
    taken = rows.take(TAKEN)
    for found, given in zip(taken.arrays, parts, strict=True):
        assert found.dtype == given.dtype
        assert_array_equal(found, given[TAKEN])
    assert_array_equal(taken.target, y[TAKEN])


@pytest.mark.parametrize("beside", [None, np.eye(5)], ids=["alone", "classes"])
def test_a_target_that_is_seen_takes_no_room(beside):
    rows = Rows(X, X, beside)
    assert sum(array is X for array in rows.arrays) == 1
    assert len(rows.arrays) == (1 if beside is None else 2)
    taken = rows.take(TAKEN)
    assert taken.target is taken.seen
    assert (taken.beside is None) == (beside is None)
