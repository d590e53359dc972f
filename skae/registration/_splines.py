"""Smooth fields from few numbers: cubic splines, as matrices along every axis."""

from math import ceil

import torch
from torch import Tensor


def count_controls(size: int, spacing: int) -> int:
    """Return how many splines lie along an axis of `size` pixels."""
    return ceil((size - 1) / spacing) + 1


def spline_matrix(positions: Tensor, n_controls: int, spacing: int) -> Tensor:
    """Return what cubic B-splines are at some positions.

    The centres of the splines are `spacing` pixels from each other, from the first pixel on; two
    spacings beyond the first and the last centre, all are zero. Where four of them meet, they sum
    to 1 (Rueckert et al. 1999, "Nonrigid registration using free-form deformations").

    Parameters
    ----------
    positions : Tensor of shape (n_positions,)
        In pixels.
    n_controls : int
    spacing : int

    Returns
    -------
    matrix : Tensor of shape (n_positions, n_controls)
    """
    distance = (positions[:, None] / spacing - torch.arange(n_controls).to(positions)).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def apply_along_axes(matrices: list[Tensor], controls: Tensor) -> Tensor:
    """Apply one matrix along every spatial axis of a field of shape (n, n_dims, *n_controls)."""
    for matrix in matrices:
        # the first spatial axis is taken out, and what it becomes is put last
        controls = controls.movedim(2, -1) @ matrix.T
    return controls
