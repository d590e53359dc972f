"""Geodesics of deformations by EPDiff, the equation of their momentum."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from skae.registration._fields import identity_grid, sample_at
from skae.registration._metric import Metric


class Geodesic(NamedTuple):
    """The end, after unit time, of a geodesic that begins at the identity.

    Attributes
    ----------
    displacement : Tensor of shape (n, n_dims, *sizes)
        Displacement of the deformation.
    velocity : Tensor of shape (n, n_dims, *sizes)
        The final velocity. From the identity, the geodesic of ``-velocity`` leads to the inverse
        deformation.
    """

    displacement: Tensor
    velocity: Tensor


def shoot(velocity: Tensor, metric: Metric, n_steps: int = 5) -> Geodesic:
    """Follow the geodesic with an initial velocity.

    The momentum ``m = L v`` obeys ``dm/dt = -[(Dv)^T m + div(m (x) v)]`` (Miller, Trouve and Younes
    2006, "Geodesic shooting for computational anatomy"), and points move by ``v``. Differences
    are central, so that the energy ``<m, K m>`` is constant up to the error of the steps, which
    are Runge-Kutta steps of fourth order. Fields are periodic, as the metric is.

    Parameters
    ----------
    velocity : Tensor of shape (n, n_dims, *sizes)
        The initial velocity, in pixels per unit time.
    metric : Metric
    n_steps : int, default=5

    Returns
    -------
    geodesic : Geodesic
    """
    rate = partial(_find_rate, metric=metric, grid=identity_grid(velocity.shape[2:], velocity))
    momentum, displacement = metric.sharpen(velocity), torch.zeros_like(velocity)
    # side by side along the axis of images: (2 n, n_dims, *sizes)
    state = torch.cat([momentum, displacement])
    for _ in range(n_steps):
        state = _step(rate, state, 1 / n_steps)
    momentum, displacement = state.chunk(2)
    return Geodesic(displacement, metric.smooth(momentum))


def transport_rate(momentum: Tensor, velocity: Tensor) -> Tensor:
    """Return ``dm/dt = -[(Dv)^T m + div(m (x) v)]``, shape (n, n_dims, *sizes)."""
    n_dims = momentum.shape[1]
    # per axis: (n, n_dims, *sizes) -> (n, *sizes), stacked below
    turned = [(_slope(velocity, axis) * momentum).sum(1) for axis in range(n_dims)]
    carried = [_slope(momentum * velocity[:, axis, None], axis) for axis in range(n_dims)]
    return -torch.stack(turned, 1) - torch.stack(carried).sum(0)


def _find_rate(state: Tensor, metric: Metric, grid: Tensor) -> Tensor:
    """Return the rates of change of momentum and displacement, side by side as the state is."""
    momentum, displacement = state.chunk(2)
    velocity = metric.smooth(momentum)
    moved = _sample_periodic(velocity, grid + displacement)
    return torch.cat([transport_rate(momentum, velocity), moved])


def _step(rate: "partial[Tensor]", state: Tensor, size: float) -> Tensor:
    """Return the state after a Runge-Kutta step of fourth order."""
    first = rate(state)
    second = rate(state + size / 2 * first)
    third = rate(state + size / 2 * second)
    fourth = rate(state + size * third)
    return state + size / 6 * (first + 2 * second + 2 * third + fourth)


def _slope(field: Tensor, axis: int) -> Tensor:
    """Return the central difference along a spatial axis of a periodic field."""
    return (field.roll(-1, axis + 2) - field.roll(1, axis + 2)) / 2


def _sample_periodic(field: Tensor, points: Tensor) -> Tensor:
    """Return values of a periodic field, by linear interpolation."""
    sizes = torch.tensor(field.shape[2:]).to(field).view(-1, *[1] * (field.ndim - 2))
    # the first entry of every axis follows its last
    padded = functional.pad(field, (0, 1) * (field.ndim - 2), mode="circular")
    return sample_at(padded, points.remainder(sizes))
