"""Affine maps by their logarithms."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.linalg import expm

from skae.registration._fields import identity_grid
from skae.registration._poses import affinely_moved, pose_size

SIZES = [(9, 6), (5, 7, 4)]


def draw_pose(n, sizes, scale=0.3):
    generator = torch.Generator().manual_seed(0)
    return scale * torch.randn(n, pose_size(len(sizes)), generator=generator).double()


def grid_of(sizes):
    return identity_grid(sizes, torch.zeros(1).double())[None]


@pytest.mark.parametrize("sizes", SIZES)
def test_zero_moves_nothing(sizes):
    grid = grid_of(sizes)
    moved = affinely_moved(grid, torch.zeros(3, pose_size(len(sizes))).double(), sizes)
    assert_allclose(moved, grid.expand(3, *grid.shape[1:]))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_negative_is_the_inverse(sizes):
    pose, grid = draw_pose(3, sizes), grid_of(sizes)
    back = affinely_moved(affinely_moved(grid, pose, sizes), -pose, sizes)
    assert (affinely_moved(grid, pose, sizes) - grid).abs().max() > 0.5
    assert_allclose(back, grid.expand_as(back), atol=1e-12)


@pytest.mark.parametrize("sizes", SIZES)
def test_it_is_the_exponential_about_the_centre(sizes):
    n_dims, pose = len(sizes), draw_pose(1, sizes)
    generator = np.zeros((n_dims + 1, n_dims + 1))
    generator[:n_dims] = pose.numpy().reshape(n_dims, n_dims + 1)
    map_ = expm(generator)[:n_dims]
    centre, unit = (np.array(sizes) - 1) / 2, (max(sizes) - 1) / 2
    point = np.arange(n_dims) + 0.3
    expected = unit * (map_ @ [*(point - centre) / unit, 1]) + centre
    moved = affinely_moved(torch.tensor(point).view(1, n_dims, *[1] * n_dims), pose, sizes)
    assert_allclose(moved.ravel(), expected, rtol=1e-12)


def test_turns_and_shifts():
    grid, sizes = grid_of((5, 5)), (5, 5)
    quarter = torch.pi / 2 * torch.tensor([[0, -1, 0, 1, 0, 0]]).double()
    turned = affinely_moved(grid, quarter, sizes)
    # (y, x) about the centre goes to (-x, y)
    assert_allclose(turned[0, 0], 4 - grid[0, 1], atol=1e-12)
    assert_allclose(turned[0, 1], grid[0, 0], atol=1e-12)
    shift = torch.tensor([[0.0, 0.0, 0.5, 0.0, 0.0, -1.0]]).double()
    moved = affinely_moved(grid, shift, sizes) - grid
    assert_allclose(moved[0, 0], 1)
    assert_allclose(moved[0, 1], -2)


@pytest.mark.parametrize("sizes", [(3, 2), (2, 2, 2)])
def test_gradients(sizes):
    pose, points = draw_pose(2, sizes), grid_of(sizes).repeat(2, *[1] * (len(sizes) + 1))
    inputs = points.requires_grad_(), pose.requires_grad_()
    assert torch.autograd.gradcheck(lambda *x: affinely_moved(*x, sizes), inputs)
