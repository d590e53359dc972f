"""Displacement fields: theory first."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.ndimage import map_coordinates

from skae.registration._fields import (
    compose,
    exp_velocity,
    identity_grid,
    invert,
    jacobian_determinant,
    warp,
)
from skae.registration._metric import Metric

SIZES = [(20, 17), (9, 8, 7)]


def draw(n, *shape, seed=0):
    """Return normal numbers in float64."""
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed)).double()


def draw_velocity(n, sizes, largest, scale, seed=0):
    """Return smooth fields that vanish at the border, and whose largest entry is given."""
    velocity = Metric(scale**2 / 4, 1.0, 4).smooth(draw(n, len(sizes), *sizes, seed=seed))
    for axis, size in enumerate(sizes):
        window = torch.sin(torch.pi * torch.arange(size).double() / (size - 1)) ** 2
        velocity = velocity * window.view(-1, *[1] * (len(sizes) - 1 - axis))
    return velocity * largest / velocity.abs().amax(list(range(1, velocity.ndim)), keepdim=True)


def affine_field(matrix, shift, sizes):
    """Return the displacement of ``matrix @ x + shift``."""
    grid = identity_grid(sizes, matrix)
    moved = torch.tensordot(matrix, grid, 1) + shift.view(-1, *[1] * len(sizes))
    return (moved - grid)[None]


def draw_affine(n_dims):
    matrix = torch.eye(n_dims).double() + 0.05 * draw(n_dims, n_dims)
    return matrix, draw(n_dims)


def inner(field, margin):
    """Return a field without its border."""
    return field[(..., *[slice(margin, -margin)] * (field.ndim - 2))]


# Warping.


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("order", [0, 1])
def test_warping_is_what_scipy_does(sizes, order):
    images, field = draw(3, 2, *sizes), 3 * draw(3, len(sizes), *sizes, seed=1)
    points = identity_grid(sizes, field) + field
    expected = [
        [map_coordinates(channel, point, order=order, mode="nearest") for channel in image]
        for image, point in zip(images.numpy(), points.numpy(), strict=True)
    ]
    assert_allclose(warp(images, field, order), np.array(expected), atol=1e-10)


@pytest.mark.parametrize("sizes", [*SIZES, (1, 6)])
@pytest.mark.parametrize("order", [0, 1])
def test_nothing_is_moved(sizes, order):
    images = draw(2, 1, *sizes)
    assert_allclose(warp(images, torch.zeros(2, len(sizes), *sizes).double(), order), images)


@pytest.mark.parametrize("sizes", SIZES)
def test_whole_pixels(sizes):
    images = draw(1, 3, *sizes)
    shift = torch.arange(1, len(sizes) + 1).double()
    field = shift.view(-1, *[1] * len(sizes)).expand(1, -1, *sizes)
    moved = images.roll([-int(s) for s in shift], list(range(2, images.ndim)))
    assert_allclose(inner(warp(images, field), 3), inner(moved, 3), atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_linear_images_are_warped_exactly(sizes):
    grid = identity_grid(sizes, torch.zeros(1).double())
    slopes = draw(1, len(sizes))
    field = draw_velocity(1, sizes, 1.0, 2.0)
    ramp = torch.tensordot(slopes, grid, 1)[None]
    expected = torch.tensordot(slopes, (grid + field)[0], 1)[None]
    assert_allclose(warp(ramp, field), expected, atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_outside_is_the_border(sizes):
    images = draw(1, 1, *sizes)
    field = torch.full((1, len(sizes), *sizes), 100.0).double()
    corner = images[(..., *[-1] * len(sizes))].view(1, 1, *[1] * len(sizes))
    assert_allclose(warp(images, field), corner.expand_as(images))


@pytest.mark.thinned(2)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_a_number_is_nowhere(sizes, order, value):
    """Such points come of trainings that diverge; a process must not end with them."""
    images = draw(1, 2, *sizes).requires_grad_()
    field = torch.zeros(1, len(sizes), *sizes).double()
    field[0, 0, 0] = value
    field.requires_grad_()
    warped = warp(images, field, order)
    assert (warped[:, :, 0].isnan() == np.isnan(value)).all()
    assert_allclose(warped[:, :, 1:].detach(), images[:, :, 1:].detach())
    warped.nansum().backward()
    assert images.grad.isfinite().all()


def test_one_image_many_fields():
    image, fields = draw(1, 2, 6, 5), draw(4, 2, 6, 5)
    assert_allclose(warp(image, fields), warp(image.expand(4, -1, -1, -1), fields))


# Maps and their compositions.


@pytest.mark.parametrize("n_dims", [2, 3])
def test_affine_maps_compose_and_invert_exactly(n_dims):
    sizes = (16, 15, 14)[:n_dims]
    matrix, shift = draw_affine(n_dims)
    other, other_shift = draw_affine(n_dims)[0].T, draw(n_dims, seed=5) / 2
    composed = compose(affine_field(matrix, shift, sizes), affine_field(other, other_shift, sizes))
    expected = affine_field(matrix @ other, matrix @ other_shift + shift, sizes)
    assert_allclose(inner(composed, 4), inner(expected, 4), atol=1e-10)
    inverse = invert(affine_field(matrix, shift, sizes), tol=1e-12)
    back = torch.linalg.inv(matrix)
    expected = affine_field(back, -back @ shift, sizes)
    assert_allclose(inner(inverse, 4), inner(expected, 4), atol=1e-9)


@pytest.mark.parametrize("sizes", SIZES)
def test_composing_is_warping_twice(sizes):
    """But for the interpolation, of which an image that is linear needs none."""
    ramp = identity_grid(sizes, torch.zeros(1).double())[None]
    outer = draw_velocity(1, sizes, 1.5, 2.0)
    shrunk = -0.1 * (ramp - torch.tensor(sizes).view(1, -1, *[1] * len(sizes)) / 2)
    twice = warp(warp(ramp, outer), shrunk)
    assert_allclose(warp(ramp, compose(outer, shrunk)), twice, atol=1e-12)


@pytest.mark.parametrize(("sizes", "largest"), [((40, 32), 4.0), ((16, 16, 14), 1.5)])
def test_the_inverse_undoes(sizes, largest):
    field = exp_velocity(draw_velocity(2, sizes, largest, min(sizes) / 7))
    assert torch.stack(torch.gradient(field, dim=[2, 3])).abs().max() > 0.4
    inverse = invert(field, n_iter=300, tol=1e-6)
    assert compose(field, inverse).abs().max() < 2e-6
    assert compose(inverse, field).abs().max() < 0.2


@pytest.mark.parametrize("n_dims", [2, 3])
def test_the_determinant_of_affine_maps(n_dims):
    matrix, shift = draw_affine(n_dims)
    found = jacobian_determinant(affine_field(matrix, shift, (6, 5, 4)[:n_dims]))
    assert found.shape == (1, *(6, 5, 4)[:n_dims])
    assert_allclose(found, torch.linalg.det(matrix), rtol=1e-10)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_determinant_is_that_of_all_slopes(sizes):
    field, n_dims = draw(2, len(sizes), *sizes), len(sizes)
    slopes = np.stack(np.gradient(field.numpy(), axis=tuple(range(2, 2 + n_dims))), axis=2)
    jacobians = np.moveaxis(slopes, (1, 2), (-2, -1)) + np.eye(n_dims)
    assert_allclose(jacobian_determinant(field), np.linalg.det(jacobians), atol=1e-10)


def test_a_mirror_folds():
    assert (
        jacobian_determinant(
            affine_field(torch.diag(torch.tensor([1.0, -1.0])), torch.zeros(2), (5, 6))
        )
        < 0
    ).all()


# Flows.


@pytest.mark.parametrize(("sizes", "largest"), [((64, 64), 4.0), ((24, 24, 24), 1.5)])
def test_the_flow_back_undoes_the_flow(sizes, largest):
    velocity = draw_velocity(3, sizes, largest, min(sizes) / 6)
    forth, back = exp_velocity(velocity), exp_velocity(-velocity)
    assert compose(forth, back).abs().max() < 0.05
    assert compose(back, forth).abs().max() < 0.05
    assert jacobian_determinant(forth).min() > 0.2
    # a displacement that is not a flow does not undo itself
    assert compose(velocity, -velocity).abs().max() > 0.3


@pytest.mark.parametrize("n_dims", [2, 3])
def test_the_flow_of_a_linear_field_is_the_matrix_exponential(n_dims):
    sizes = (20, 20, 20)[:n_dims]
    generator = 0.15 * draw(n_dims, n_dims)
    centre = torch.full((n_dims,), 9.5).double()
    velocity = affine_field(torch.eye(n_dims).double() + generator, -generator @ centre, sizes)
    matrix = torch.linalg.matrix_exp(generator)
    expected = affine_field(matrix, centre - matrix @ centre, sizes)
    errors = [
        inner(exp_velocity(velocity, n) - expected, 6).abs().max().item() for n in (4, 5, 6, 7, 12)
    ]
    ratios = [one / next_ for one, next_ in pairwise(errors[:4])]
    assert_allclose(ratios, 2, rtol=0.1)  # of first order
    assert errors[-1] < 1e-3


def test_time_adds_up():
    velocity = draw_velocity(1, (48, 48), 3.0, 6.0)
    parts = compose(exp_velocity(0.25 * velocity), exp_velocity(0.75 * velocity))
    assert (exp_velocity(velocity) - parts).abs().max() < 0.03


# Gradients.


@pytest.mark.parametrize("sizes", [(5, 4), (3, 4, 3)])
@pytest.mark.parametrize(
    "function",
    [
        lambda field: warp(draw(1, 2, *field.shape[2:], seed=3), field),
        lambda field: compose(field, 0.7 * field),
        lambda field: exp_velocity(field, 3),
        jacobian_determinant,
        Metric(2.0, 0.5, 2).energy,
        Metric(2.0, 0.5, 1.5).smooth,
    ],
)
def test_gradients(function, sizes):
    field = 0.3 * draw(2, len(sizes), *sizes)
    assert torch.autograd.gradcheck(function, field.requires_grad_())


@pytest.mark.parametrize("sizes", SIZES)
def test_single_precision(sizes):
    velocity = draw_velocity(2, sizes, 1.5, 2.0)
    single = exp_velocity(velocity.float())
    assert single.dtype == torch.float32
    assert_allclose(single, exp_velocity(velocity), atol=2e-5)
    assert_allclose(invert(single), invert(exp_velocity(velocity)), atol=1e-3)
