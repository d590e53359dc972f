"""Problems of rows in memory, made without an estimator."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skae.objectives import Bernoulli, SquaredError
from skae.rows import ImageRows, Rows, TableRows, make_problem
from skae.rows._make_problem import KnownUnits
from skae.rows._units import Units

X = 5 + np.random.default_rng(0).normal(size=(40, 3))


def _make(rows, kind=None, link=None, **options):
    random_state = np.random.RandomState(0)
    return make_problem(rows, kind or TableRows(), link or SquaredError(), random_state, **options)


def test_rows_are_centred_and_their_mean_square_is_one():
    problem = _make(Rows(X, X))
    entered = problem.units.enter(X)
    assert_allclose(entered.mean(axis=0), 0, atol=1e-12)
    assert np.square(entered).mean() == pytest.approx(1)
    assert problem.target_units is problem.units


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_the_share_of_the_rows_is_held_out(fraction):
    problem = _make(Rows(X, X), validation_fraction=fraction)
    assert len(problem.valid) == fraction * len(X)
    assert_array_equal(np.sort(problem.all_rows), np.arange(len(X)))


def test_nothing_is_held_out_without_early_stopping():
    problem = _make(Rows(X, X), early_stopping=False)
    assert len(problem.valid) == 0
    assert problem.n_train == len(X)


def test_a_link_that_knows_no_units_gets_its_targets_as_they_are():
    bits = (X > 5).astype(float)
    problem = _make(Rows(bits, bits), link=Bernoulli())
    assert_array_equal(problem.target_units.enter(bits), bits)
    assert problem.units.scale != 1


def test_units_of_an_earlier_training_are_taken():
    units, target_units = Units(np.ones(3), 2.0), Units(np.zeros((1, 1, 1)), 3.0)
    assert _make(Rows(X, X), known_units=KnownUnits(units, None)).units is units
    maps = X.reshape(-1, 1, 2, 3)
    problem = _make(
        Rows(maps, maps + 1),
        ImageRows(),
        known_units=KnownUnits(Units(np.ones((1, 1, 1)), 2.0), target_units),
    )
    assert problem.target_units is target_units
