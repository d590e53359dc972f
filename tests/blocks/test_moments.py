"""Moments that are found block by block are those of all rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skae.blocks import Moments

PARTITIONS = {
    "one block": [200],
    "equal blocks": [50] * 4,
    "single rows": [1] * 200,
    "a large one among small ones": [1, 2, 190, 7],
    "empty ones": [0, 100, 0, 0, 100, 0],
}


def _rows(offset):
    return offset + np.random.default_rng(0).normal(size=(200, 4)) @ np.diag([1.0, 1e-3, 5.0, 0.0])


def _moments(X, sizes, has_products):
    moments = Moments.none(X.shape[1], has_products)
    for rows in np.split(X, np.cumsum(sizes)[:-1]):
        moments.add(rows)
    return moments


@pytest.mark.parametrize("sizes", PARTITIONS.values(), ids=PARTITIONS)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_any_partition_has_the_moments_of_all_rows(sizes, offset):
    X = _rows(offset)
    moments = _moments(X, sizes, True)
    assert moments.n_rows == len(X)
    assert_allclose(moments.mean, X.mean(axis=0), rtol=1e-12)
    # what is lost is the rounding of the rows themselves
    covariance = np.cov(X.T, bias=True)
    assert_allclose(moments.scatter / 200, covariance, rtol=1e-12, atol=1e-12 + 1e-15 * offset)


@pytest.mark.parametrize("sizes", PARTITIONS.values(), ids=PARTITIONS)
def test_squares_alone_are_the_diagonal(sizes):
    X = _rows(1e3)
    full, diagonal = (_moments(X, sizes, has_products) for has_products in (True, False))
    assert_allclose(diagonal.scatter, np.diag(full.scatter), rtol=1e-12, atol=1e-12)
    assert_allclose(diagonal.sum_of_squares, full.sum_of_squares, rtol=1e-12)


def test_two_sides_are_joined_and_stay_as_they_are():
    X = _rows(10.0)
    sides = [_moments(X[:70], [70], True), _moments(X[70:], [130], True)]
    before = sides[0].scatter.copy()
    both = sides[0].joined(sides[1])
    assert_allclose(both.scatter, _moments(X, [200], True).scatter, rtol=1e-12, atol=1e-12)
    assert sides[0].n_rows == 70
    assert (sides[0].scatter == before).all()


def test_other_units():
    X = _rows(10.0)
    location, scale = np.array([1.0, 2.0, 3.0, 4.0]), 7.0
    moments = _moments(X, [200], True).entered(location, scale)
    expected = _moments((X - location) / scale, [200], True)
    assert_allclose(moments.mean, expected.mean, rtol=1e-12)
    assert_allclose(moments.scatter, expected.scatter, rtol=1e-11, atol=1e-12)
