"""Units in double and in single precision."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skae.rows._units import Units


def _rows(offset, scale):
    rng = np.random.default_rng(0)
    return (offset + scale * rng.normal(size=(50, 4))).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-35, 1e-3, 1.0, 1e4, 1e35])
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e3])
def test_single_precision_loses_nothing(offset, scale):
    X = _rows(offset * scale, scale)
    units = Units.of(X)
    entered = units.enter_as_given(X)
    assert entered.dtype == np.float32
    assert_allclose(entered, units.enter(X), rtol=1e-6, atol=1e-6)
    left = units.leave(entered, np.float32).astype(np.float32)
    # the one rounding that float32 cannot avoid is of numbers as large as X
    assert_allclose(left, X, rtol=3e-7, atol=1e-6 * scale)


def test_double_precision_stays_double():
    X = _rows(3.0, 2.0).astype(np.float64)
    units = Units.of(X)
    assert_array_equal(units.enter_as_given(X), units.enter(X))
    assert units.leave(units.enter(X), np.float64).dtype == np.float64
    assert_allclose(units.leave(units.enter(X), X.dtype), X, rtol=1e-14)


def test_rows_of_a_network_in_single_precision_may_be_wanted_in_double():
    X = 1e6 + _rows(0.0, 1e-2).astype(np.float64)
    units = Units.of(X)
    left = units.leave(units.enter(X).astype(np.float32), X.dtype)
    assert left.dtype == np.float64
    assert_allclose(left - X, 0, atol=1e-8)


def test_rows_are_not_changed():
    X = _rows(3.0, 2.0)
    before = X.copy()
    units = Units.of(X)
    units.leave(units.enter_as_given(X), X.dtype)
    units.leave(X, X.dtype)
    assert_array_equal(X, before)
