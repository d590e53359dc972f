"""Smooth fields by cubic splines, computed as one matrix product along every axis."""

from math import ceil

import torch
from torch import Tensor


def count_controls(size: int, spacing: int) -> int:
    """Return the number of splines along an axis of `size` pixels."""
    # the centres of the first and the last one are at, or beyond, the outermost pixels
    return ceil((size - 1) / spacing) + 1


def spline_matrix(positions: Tensor, n_controls: int, spacing: int) -> Tensor:
    """Return the values of cubic B-splines at some positions.

    The centres of the splines are `spacing` pixels apart, and the first one is at the first pixel.
    All splines are zero from two spacings beyond the first and the last centre on. Between inner
    centres, where four splines overlap, they sum to 1 (Rueckert et al. 1999, "Nonrigid registration
    using free-form deformations").

    Parameters
    ----------
    positions : Tensor of shape (n_positions,)
        Positions in pixels.
    n_controls : int
    spacing : int

    Returns
    -------
    matrix : Tensor of shape (n_positions, n_controls)
    """
    # (n_positions, n_controls), in units of the spacing
    distance = (positions[:, None] / spacing - torch.arange(n_controls).to(positions)).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def apply_along_axes(matrices: list[Tensor], controls: Tensor) -> Tensor:
    """Apply one matrix along every spatial axis of a field of shape (n, n_dims, *n_controls)."""
    for matrix in matrices:
        # the first spatial axis is multiplied and put last, so that the next one comes first
        controls = controls.movedim(2, -1) @ matrix.T
    return controls
