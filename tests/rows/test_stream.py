"""What is found in one pass over blocks, and which rows are learned from."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Generator

from skae import AutoencoderTransformer, SparseAutoencoder, VAETransformer
from skae.engine import ALONE
from skae.fitting._read import read_problem
from skae.rows._units import Units
from skae.starts._principal_axes import axes_of_moments, principal_axes

# every row is told by its first number
X = np.random.default_rng(0).normal(size=(240, 5)) @ np.diag([3.0, 2.0, 1.0, 0.5, 0.1])
X[:, 0] = 100 + np.arange(240)
PARTITIONS = {"whole blocks": [20] * 12, "rows": [100, 100, 40], "small": [1] * 240}
over_partitions = pytest.mark.parametrize("sizes", PARTITIONS.values(), ids=PARTITIONS)


def _problem(sizes, estimator=None, **parameters):
    estimator = estimator or AutoencoderTransformer(2)
    blocks = np.split(X, np.cumsum(sizes)[:-1])
    estimator.set_params(**parameters)
    return read_problem(estimator, blocks, None, None, np.random.RandomState(0), ALONE)


def _moments(problem):
    return problem.summaries.seen.moments_in(problem.units)


def _served(problem, seed=0):
    """Return the first numbers of the rows of an epoch, in X's units."""
    parts = [part.numpy() for part in problem.stream.read(Generator().manual_seed(seed))]
    rows = problem.units.leave(np.concatenate(parts), np.float64)
    return np.round(rows[:, 0]).astype(int)


@over_partitions
def test_every_row_is_learned_from_or_held_out(sizes):
    problem = _problem(sizes)
    learned = _served(problem)
    held_out = np.round(problem.target[problem.valid, 0]).astype(int)
    assert_array_equal(np.sort(np.concatenate([learned, held_out])), 100 + np.arange(240))
    assert len(learned) == problem.stream.n_rows
    # here, the sample is all there is
    assert_array_equal(np.sort(problem.target[problem.train, 0]), np.sort(learned))


@over_partitions
def test_epochs_have_other_orders(sizes):
    problem = _problem(sizes)
    one, again, other = (_served(problem, seed) for seed in (0, 0, 1))
    assert_array_equal(one, again)
    assert (one != other).any()
    assert (np.diff(one) != 1).mean() > 0.5


@over_partitions
def test_units_and_moments_are_those_of_all_rows(sizes):
    problem = _problem(sizes)
    expected = Units.of(X)
    assert_allclose(problem.units.location, expected.location, rtol=1e-13, atol=1e-13)
    assert_allclose(problem.units.scale, expected.scale, rtol=1e-12)
    entered = problem.units.enter(X)
    held_out = np.isin(X[:, 0], problem.target[problem.valid, 0])
    for moments, rows in zip(_moments(problem), (entered[~held_out], entered), strict=True):
        assert moments.n_rows == len(rows)
        assert_allclose(moments.mean, rows.mean(axis=0), atol=1e-13)
        assert_allclose(moments.scatter, np.cov(rows.T, bias=True) * len(rows), atol=1e-10)


def test_axes_of_moments_are_those_of_rows():
    problem = _problem([20] * 12)
    random_state = np.random.RandomState(0)
    expected = principal_axes(X, np.arange(240), problem.units, 3, random_state)
    found = axes_of_moments(_moments(problem)[1], 3)
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-8, atol=1e-10)


def test_a_sample_of_more_rows_than_fit(monkeypatch):
    monkeypatch.setattr("skae.rows._sample.MAX_SAMPLED", 40)
    problem = _problem([20] * 12)
    assert len(problem.train) == 30
    assert len(problem.valid) == 10
    assert problem.target.shape == (40, 5)
    assert problem.stream.n_rows == 200
    learned = set(_served(problem))
    assert set(np.round(problem.target[problem.train, 0])) <= learned
    assert not set(np.round(problem.target[problem.valid, 0])) & learned
    numbers = np.round(problem.target[:, 0]).astype(int) - 100
    assert len(set(numbers)) == 40
    assert_array_equal(problem.target, X[numbers])


def test_nothing_is_held_out():
    problem = _problem([20] * 12, early_stopping=False)
    assert len(problem.valid) == 0
    assert len(_served(problem)) == 240


def test_only_a_start_needs_axes():
    assert _moments(_problem([20] * 12, SparseAutoencoder(init="random"))) is None


def test_what_is_seen_classes_and_targets_come_together():
    counts = np.random.default_rng(0).poisson(3.0, size=(60, 4)).astype(float)
    counts[:, 0] = np.arange(60)
    y = np.arange(60) % 3
    model = VAETransformer(2, likelihood="poisson", conditional=True)
    blocks = [counts[:25], counts[25:]]
    problem = read_problem(model, blocks, y, None, np.random.RandomState(0), ALONE)
    (rows,) = [np.concatenate([part.numpy() for part in problem.stream.read(Generator())])]
    batch = problem.stream.as_batch(torch.from_numpy(rows))
    seen, told = (part.numpy() for part in batch.inputs)
    target = batch.target.numpy()
    assert_allclose(problem.units.leave(seen, np.float64), np.log1p(target), atol=1e-5)
    for row, indicators in zip(target, told, strict=True):
        of_class = counts[y == indicators.argmax()]
        assert (of_class == row).all(axis=1).any()
    numbers = problem.target[:, 0].astype(int)
    assert_array_equal(np.sort(numbers), np.arange(60))
    assert_array_equal(problem.target, counts[numbers])
    assert_array_equal(problem.indicators.argmax(axis=1), y[numbers])
