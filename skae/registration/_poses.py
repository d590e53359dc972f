"""Affine maps of images, by their logarithms.

A pose of shape (n, n_dims * (n_dims + 1)) holds, row by row, the first rows of the logarithm of an
affine map in homogeneous coordinates. These are measured from the image's centre, in halves of its
largest size. Zero is the identity, and ``-pose`` the inverse map.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def pose_size(n_dims: int) -> int:
    """Return how many numbers a pose has."""
    return n_dims * (n_dims + 1)


def affinely_moved(points: Tensor, pose: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return where an affine map takes points.

    Parameters
    ----------
    points : Tensor of shape (n or 1, n_dims, *sizes_out)
        In pixels.
    pose : Tensor of shape (n, n_dims * (n_dims + 1))
    sizes : sequence of int
        Of the image.

    Returns
    -------
    moved : Tensor of shape (n, n_dims, *sizes_out)
    """
    n, n_dims = len(pose), len(sizes)
    generator = functional.pad(pose.view(n, n_dims, n_dims + 1), (0, 0, 0, 1))
    map_ = torch.linalg.matrix_exp(generator)[:, :n_dims]
    centre = ((torch.tensor(sizes) - 1) / 2).to(points).view(-1, 1)
    unit = max(1.0, (max(sizes) - 1) / 2)
    offsets = (points.flatten(2) - centre) / unit  # (n or 1, n_dims, n_points)
    matrix, shift = map_[:, :, :n_dims], map_[:, :, n_dims:]
    moved = (matrix @ offsets + shift) * unit + centre
    return moved.view(n, n_dims, *points.shape[2:])
