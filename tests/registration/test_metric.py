"""The metric of velocity fields."""

import pytest
import torch
from numpy.testing import assert_allclose

from skae.registration._metric import Metric

SIZES = [(8, 6), (7, 9), (5, 6, 7)]


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def negative_laplacian(field):
    """Return twice the number of axes times a field, less its neighbours; periodic."""
    axes = range(2, field.ndim)
    return sum(2 * field - field.roll(1, axis) - field.roll(-1, axis) for axis in axes)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_operator_is_one_of_differences(sizes):
    field = draw(3, len(sizes), *sizes)
    once = 2.0 * negative_laplacian(field) + 0.3 * field
    twice = 2.0 * negative_laplacian(once) + 0.3 * once
    assert_allclose(Metric(2.0, 0.3, 1).sharpen(field), once, atol=1e-11)
    assert_allclose(Metric(2.0, 0.3, 2).sharpen(field), twice, atol=1e-10)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("power", [1, 1.5, 3])
def test_the_inverse(sizes, power):
    metric, field = Metric(2.0, 0.3, power), draw(2, len(sizes), *sizes)
    assert_allclose(metric.smooth(metric.sharpen(field)), field, atol=1e-9)
    assert_allclose(metric.sharpen(metric.smooth(field)), field, atol=1e-9)


@pytest.mark.parametrize("sizes", SIZES)
def test_it_is_symmetric_and_positive(sizes):
    metric = Metric(1.0, 0.1, 2)
    one, other = draw(4, len(sizes), *sizes), draw(4, len(sizes), *sizes, seed=1)
    left = (one * metric.sharpen(other)).flatten(1).sum(1)
    right = (other * metric.sharpen(one)).flatten(1).sum(1)
    assert_allclose(left, right, rtol=1e-10)
    # no field has less energy than a constant one
    assert (metric.energy(one) >= 0.1**2 * one.square().flatten(1).sum(1)).all()
    constant = torch.ones_like(one)
    assert_allclose(metric.energy(constant), 0.1**2 * constant[0].numel(), rtol=1e-10)


def test_single_precision():
    metric, field = Metric(2.0, 0.1, 2), draw(2, 2, 16, 16)
    assert metric.energy(field.float()).dtype == torch.float32
    assert_allclose(metric.energy(field.float()), metric.energy(field), rtol=1e-5)
