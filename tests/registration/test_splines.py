"""Cubic splines along axes."""

import pytest
import torch
from numpy.testing import assert_allclose
from scipy.interpolate import BSpline

from skae.registration._splines import apply_along_axes, count_controls, spline_matrix


@pytest.mark.parametrize("spacing", [1, 3, 4])
def test_they_are_b_splines(spacing):
    positions = torch.linspace(-10, 30, 101).double()
    matrix = spline_matrix(positions, 5, spacing)
    for number in range(5):
        knots = spacing * (number + torch.arange(-2, 3)).double()
        spline = BSpline.basis_element(knots.numpy(), extrapolate=False)
        expected = torch.from_numpy(spline(positions.numpy())).nan_to_num()
        assert_allclose(matrix[:, number], expected, atol=1e-12)


def test_straight_lines_are_straight():
    """Where four of them meet, they sum to 1, and controls on a line give that line."""
    positions = torch.linspace(4, 20, 33).double()
    matrix = spline_matrix(positions, 7, 4)
    assert_allclose(matrix.sum(1), 1)
    assert_allclose(matrix @ (4 * torch.arange(7).double()), positions)


@pytest.mark.parametrize(
    ("size", "spacing", "n"), [(64, 4, 17), (65, 4, 17), (66, 4, 18), (2, 5, 2)]
)
def test_controls_cover_the_axis(size, spacing, n):
    assert count_controls(size, spacing) == n
    assert (n - 1) * spacing >= size - 1 > (n - 2) * spacing


def test_every_axis_has_its_matrix():
    generator = torch.Generator().manual_seed(0)
    controls = torch.randn(2, 3, 4, 5, 6, generator=generator)
    matrices = [torch.randn(n + 1, n, generator=generator) for n in (4, 5, 6)]
    expected = torch.einsum("ncxyz,ax,by,dz->ncabd", controls, *matrices)
    assert_allclose(apply_along_axes(matrices, controls), expected, atol=1e-4)
