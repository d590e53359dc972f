"""Geodesics: what is conserved along them, and how fast errors fall."""

from itertools import pairwise

import pytest
import torch
from numpy.testing import assert_allclose

from skae.registration import _geodesics
from skae.registration._fields import compose, jacobian_determinant
from skae.registration._geodesics import shoot, transport_rate
from skae.registration._metric import Metric

METRICS = [Metric(3.0, 1.0, 3), Metric(2.0, 1.0, 2), Metric(2.0, 0.1, 2)]


def draw_velocity(n, sizes, largest, metric, seed=0):
    """Return periodic fields that are smooth as the metric wants them."""
    noise = torch.randn(n, len(sizes), *sizes, generator=torch.Generator().manual_seed(seed))
    velocity = metric.smooth(noise.double())
    return velocity * largest / velocity.abs().amax(list(range(1, velocity.ndim)), keepdim=True)


def find_drift(velocity, metric, n_steps):
    """Return the largest relative change of the energy."""
    start, end = metric.energy(velocity), metric.energy(shoot(velocity, metric, n_steps).velocity)
    return (end / start - 1).abs().max().item()


def euler(rate, state, size):
    return state + size * rate(state)


@pytest.mark.parametrize("metric", METRICS)
def test_the_energy_is_constant(metric):
    assert find_drift(draw_velocity(4, (64, 64), 4.0, metric), metric, 5) < 1e-3


def test_the_energy_is_constant_in_volumes():
    metric = Metric(2.0, 1.0, 2)
    assert find_drift(draw_velocity(2, (16, 16, 16), 1.5, metric), metric, 5) < 1e-3


def test_eulers_steps_lose_it(monkeypatch):
    """So the energy tells good steps from bad ones."""
    monkeypatch.setattr(_geodesics, "_step", euler)
    metric = METRICS[0]
    assert 0.05 < find_drift(draw_velocity(4, (64, 64), 4.0, metric), metric, 10) < 0.3


@pytest.mark.parametrize(("step", "order"), [(_geodesics._step, 4), (euler, 1)])
def test_the_momentum_converges_at_the_order_of_the_steps(step, order, monkeypatch):
    monkeypatch.setattr(_geodesics, "_step", step)
    metric = METRICS[1]
    velocity = draw_velocity(1, (32, 32), 2.0, metric)
    ends = [shoot(velocity, metric, n).velocity for n in (16, 32, 64)]
    first, second = ((one - other).norm() for one, other in pairwise(ends))
    assert torch.log2(first / second).item() == pytest.approx(order, abs=0.3)


@pytest.mark.parametrize("sizes", [(12, 10), (6, 7, 8)])
def test_no_energy_is_made_at_any_time(sizes):
    """``<dm/dt, v>`` is zero, whatever the momentum and the velocity are."""
    n_dims = len(sizes)
    generator = torch.Generator().manual_seed(0)
    momentum, velocity = (
        torch.randn(3, n_dims, *sizes, generator=generator).double() for _ in "mv"
    )
    rate = transport_rate(momentum, velocity)
    power = (rate * velocity).flatten(1).sum(1)
    assert rate.abs().max() > 1
    assert_allclose(power, 0, atol=1e-10)


@pytest.mark.parametrize("n_dims", [2, 3])
def test_a_translation_goes_on(n_dims):
    sizes, metric = (8, 9, 10)[:n_dims], Metric(2.0, 0.5, 2)
    shift = torch.tensor([1.3, -2.1, 0.4][:n_dims]).double()
    velocity = shift.view(-1, *[1] * n_dims).expand(1, -1, *sizes)
    geodesic = shoot(velocity, metric)
    assert_allclose(geodesic.displacement, velocity, atol=1e-10)
    assert_allclose(geodesic.velocity, velocity, atol=1e-10)


def test_burgers_equation():
    """Along one axis and without smoothing, points move at ``v`` where ``v_t + 3 v v_x = 0``."""
    n, metric = 128, Metric(0.0, 1.0, 1)
    x = torch.arange(n).double()
    velocity = torch.zeros(1, 2, 4, n).double()
    velocity[0, 1] = torch.sin(2 * torch.pi * x / n)
    found = shoot(velocity, metric, 20).velocity[0, 1, 0]
    # characteristics: what starts at x is at x + 3 v(x)
    start = x.clone()
    for _ in range(100):
        start = x - 3 * torch.sin(2 * torch.pi * start / n)
    assert_allclose(found, torch.sin(2 * torch.pi * start / n), atol=2e-3)


@pytest.mark.parametrize(("sizes", "largest"), [((64, 64), 4.0), ((20, 20, 20), 1.0)])
def test_the_way_back(sizes, largest):
    smooth = Metric((min(sizes) / 20) ** 2, 1.0, 4)
    velocity, metric = draw_velocity(2, sizes, largest, smooth), Metric(2.0, 1.0, 2)
    forth = shoot(velocity, metric)
    back = shoot(-forth.velocity, metric)
    assert_allclose(back.velocity, -velocity, atol=2e-3 * largest)
    assert jacobian_determinant(forth.displacement).min() > 0
    inside = (..., *[slice(6, -6)] * len(sizes))
    assert compose(forth.displacement, back.displacement)[inside].abs().max() < 0.1


def test_time_is_a_factor_of_the_velocity():
    metric = METRICS[2]
    velocity = draw_velocity(1, (32, 32), 2.0, metric)
    half = shoot(velocity / 2, metric, 5)
    rest = shoot(half.velocity, metric, 5)
    whole = shoot(velocity, metric, 10)
    assert_allclose(rest.velocity * 2, whole.velocity, atol=1e-4)


@pytest.mark.parametrize("sizes", [(5, 4), (3, 2, 3)])
def test_gradients(sizes):
    metric = Metric(1.0, 1.0, 1)
    velocity = draw_velocity(1, sizes, 0.4, metric)

    def follow(velocity):
        return tuple(shoot(velocity, metric, 1))

    assert torch.autograd.gradcheck(follow, velocity.requires_grad_())


def test_single_precision():
    metric = METRICS[2]
    velocity = draw_velocity(1, (32, 32), 3.0, metric)
    single, double = shoot(velocity.float(), metric), shoot(velocity, metric)
    assert single.displacement.dtype == torch.float32
    assert_allclose(single.displacement, double.displacement, atol=1e-4)
