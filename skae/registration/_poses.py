"""Affine maps of images, by their logarithms.

A pose of shape (n, n_dims * (n_dims + 1)) holds, row by row, the first rows of the logarithm of an
affine map in homogeneous coordinates. Coordinates are measured from the centre of the image, in
units of half its largest size. Zero is the identity, and ``-pose`` is the inverse map.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def pose_size(n_dims: int) -> int:
    """Return the number of entries of a pose."""
    return n_dims * (n_dims + 1)


def affinely_moved(points: Tensor, pose: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return points after affine maps.

    Parameters
    ----------
    points : Tensor of shape (n or 1, n_dims, *sizes_out)
        Points in pixels.
    pose : Tensor of shape (n, n_dims * (n_dims + 1))
    sizes : sequence of int
        Sizes of the image.

    Returns
    -------
    moved : Tensor of shape (n, n_dims, *sizes_out)
    """
    n, n_dims = len(pose), len(sizes)
    generator = functional.pad(pose.view(n, n_dims, n_dims + 1), (0, 0, 0, 1))
    # (n, n_dims + 1, n_dims + 1) -> (n, n_dims, n_dims + 1): the last row is (0, ..., 0, 1)
    map_ = torch.linalg.matrix_exp(generator)[:, :n_dims]
    centre = ((torch.tensor(sizes) - 1) / 2).to(points).view(-1, 1)
    # an image of one pixel has no size to measure in
    unit = max(1.0, (max(sizes) - 1) / 2)
    offsets = (points.flatten(2) - centre) / unit  # (n or 1, n_dims, n_points)
    matrix, shift = map_[:, :, :n_dims], map_[:, :, n_dims:]
    moved = (matrix @ offsets + shift) * unit + centre
    return moved.view(n, n_dims, *points.shape[2:])
