"""Paired differences over folds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ttest_rel

from skae.model_selection._paired_test import adjust_p_values, compare_pairs


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(6, 10))
    return first, first + rng.normal(0.3, 1, size=(6, 10))


def test_without_a_correction_it_is_the_paired_t_test(scores):
    first, second = scores
    test = compare_pairs(first, second, test_share=0)
    assert_allclose(test.difference, (second - first).mean(axis=1))
    assert_allclose(test.p_value, ttest_rel(second, first, axis=1).pvalue)


def test_the_correction_widens_the_error_by_what_folds_share(scores):
    """The variance is 1 / n + n_test / n_train times that of the differences: Nadeau and Bengio."""
    plain, corrected = (compare_pairs(*scores, test_share=share) for share in (0, 1 / 9))
    assert_allclose(corrected.standard_error / plain.standard_error, np.sqrt(1 + 10 / 9))
    assert (corrected.p_value > plain.p_value).all()


def test_sides(scores):
    first, second = scores
    there, back = compare_pairs(first, second, 0.25), compare_pairs(second, first, 0.25)
    assert_allclose(there.difference, -back.difference)
    assert_allclose(there.p_value, back.p_value)


def test_without_any_spread():
    first = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    test = compare_pairs(first, first + np.array([[0.0], [0.5]]), 0.5)
    assert_array_equal(test.standard_error, [0, 0])
    assert_array_equal(test.p_value, [1, 0])


def test_what_two_solvers_differ_by_is_no_difference():
    scores = np.full((1, 5), 0.9)
    jitter = np.array([[1.0, 2.0, 1.0, 3.0, 2.0]])
    assert compare_pairs(scores, scores + 1e-6 * jitter, 0.25).p_value == 1
    assert compare_pairs(scores, scores + 1e-3 * jitter, 0.25).p_value < 0.05


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6, 0.01], [1, 1, 0.03]),
        ([0.02], [0.02]),
    ],
)
def test_holm(given, expected):
    assert_allclose(adjust_p_values(np.array(given)), expected)
