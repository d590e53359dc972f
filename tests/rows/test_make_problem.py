"""Problems of rows in memory, made without an estimator."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skae.objectives import Bernoulli, SquaredError
from skae.rows import ImageRows, KnownUnits, Rows, TableRows, make_problem
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


class TestRefusals:
    @pytest.mark.parametrize("target", [X * 100 + 5, X[:, :2]])
    def test_a_table_has_no_other_target(self, target):
        with pytest.raises(ValueError, match="learn a table from itself"):
            _make(Rows(X, target))

    def test_arrays_of_different_lengths(self):
        with pytest.raises(ValueError, match="but seen has 40, target has 5"):
            _make(Rows(X, X[:5]))
        with pytest.raises(ValueError, match="but seen has 40, target has 40, beside has 39"):
            _make(Rows(X, X, np.eye(39)))

    @pytest.mark.parametrize("rows", [X.tolist(), X.astype(str), X.astype(object), X + 0j])
    def test_what_is_no_array_of_numbers(self, rows):
        with pytest.raises(TypeError, match="seen of Rows must be a numpy array of numbers"):
            _make(Rows(rows, rows))

    @pytest.mark.parametrize("rows", [X[:, 0], X.reshape(20, 2, 3)])
    def test_tables_have_two_axes(self, rows):
        with pytest.raises(ValueError, match="TableRows need arrays of shape"):
            _make(Rows(rows, rows))

    @pytest.mark.parametrize("rows", [X[:0], X[:, :0], np.array(1.0)])
    def test_nothing(self, rows):
        with pytest.raises(ValueError, match="holds no rows"):
            _make(Rows(rows, rows))

    def test_a_single_row_of_a_table(self):
        with pytest.raises(ValueError, match="TableRows need at least 2 rows"):
            _make(Rows(X[:1], X[:1]))

    @pytest.mark.parametrize(
        ("value", "message"), [(np.nan, "NaN or infinity"), (np.inf, "NaN"), (1e39, "too large")]
    )
    def test_values_that_no_network_learns(self, value, message):
        rows = X.copy()
        rows[3, 1] = value
        with pytest.raises(ValueError, match=message):
            _make(Rows(rows, rows))
        maps = rows.reshape(-1, 1, 1, 3)
        with pytest.raises(ValueError, match=f"target.*{message}"):
            _make(Rows(np.zeros_like(maps), maps), ImageRows())

    @pytest.mark.parametrize(
        ("name", "value"),
        [("validation_fraction", 1.5), ("early_stopping", "no"), ("kind", TableRows)],
    )
    def test_other_arguments(self, name, value):
        with pytest.raises(ValueError, match=f"The '{name}' parameter of make_problem must be"):
            _make(Rows(X, X), **{name: value})

    def test_a_seed_instead_of_a_random_state(self):
        with pytest.raises(ValueError, match="The 'random_state' parameter of make_problem"):
            make_problem(Rows(X, X), TableRows(), SquaredError(), 0)

    def test_images_and_targets_of_other_shapes(self):
        maps = np.zeros((3, 1, 8, 8))
        with pytest.raises(ValueError, match="The target of Rows has shape"):
            _make(Rows(maps, maps[:, 0]), ImageRows())
        with pytest.raises(ValueError, match="targets of the same height and width"):
            _make(Rows(maps, maps[..., :4]), ImageRows())


def test_a_target_that_equals_the_rows_is_the_rows():
    problem = _make(Rows(X[:9], X[:9]))
    assert problem.target is problem.seen
    assert problem.target_units is problem.units


def test_whole_numbers_and_targets_with_other_channels_are_fine():
    counts = np.arange(12).reshape(4, 3)
    assert _make(Rows(counts, counts)).units.scale > 1
    maps = np.random.default_rng(0).normal(size=(4, 2, 8, 8))
    assert _make(Rows(maps, maps[:, :1]), ImageRows()).target_units.location.shape == (1, 1, 1)
