"""Displacement fields of images and volumes, as tensors.

A field u of shape (n, n_dims, *sizes) holds one map per image: pixel x goes to ``x + u(x)``. Its
entries are in pixels, in the order of the array's axes: (dy, dx), or (dz, dy, dx).

Points outside of an image have the value of the nearest pixel of its border. Fields are continued
in the same way, so that a composition is the composition of two maps of the whole space.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

MODES = ("nearest", "bilinear")
"""torch's names of interpolations, by their order; in volumes, "bilinear" is trilinear."""


def identity_grid(sizes: Sequence[int], like: Tensor) -> Tensor:
    """Return the coordinates of all pixels, shape (n_dims, *sizes)."""
    axes = [torch.arange(size, dtype=like.dtype, device=like.device) for size in sizes]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def sample_at(images: Tensor, points: Tensor, order: int = 1) -> Tensor:
    """Return the values of images at some points.

    Parameters
    ----------
    images : Tensor of shape (n, n_channels, *sizes)
    points : Tensor of shape (n, n_dims, *sizes_out)
        Points in pixels; points outside are moved to the border. Values at NaN are NaN.
    order : {0, 1}, default=1
        0 takes the nearest pixel, 1 interpolates linearly along every axis.

    Returns
    -------
    values : Tensor of shape (n, n_channels, *sizes_out)
    """
    # the first pixel's centre is at -1, the last one's at 1; an axis of one pixel has no length
    lengths = torch.tensor([max(1, size - 1) for size in images.shape[2:]])
    lengths = lengths.to(points).view(-1, *[1] * (points.ndim - 2))
    # at NaN, torch would read beyond the array
    is_nan = points.isnan()
    points = 2 * points.masked_fill(is_nan, 0) / lengths - 1
    # torch takes points as (n, *sizes_out, n_dims), with the last axis of the image first
    values = functional.grid_sample(
        images, points.movedim(1, -1).flip(-1), MODES[order], "border", align_corners=True
    )
    return values.masked_fill(is_nan.any(1, keepdim=True), torch.nan)


def warp(images: Tensor, displacement: Tensor, order: int = 1) -> Tensor:
    """Return ``images(x + u(x))``.

    Parameters
    ----------
    images : Tensor of shape (n or 1, n_channels, *sizes)
        Images, or one image that is warped by all fields.
    displacement : Tensor of shape (n, n_dims, *sizes_out)
    order : {0, 1}, default=1
        Order of the interpolation.

    Returns
    -------
    warped : Tensor of shape (n, n_channels, *sizes_out)
    """
    points = identity_grid(displacement.shape[2:], displacement) + displacement
    return sample_at(images.expand(len(displacement), *images.shape[1:]), points, order)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """Return the displacement of ``(id + outer) o (id + inner)``.

    Warping by the composition equals warping by `outer` and the result by `inner`, with one
    interpolation less.
    """
    return inner + warp(outer, inner)


def invert(displacement: Tensor, n_iter: int = 100, tol: float = 1e-4) -> Tensor:
    """Return w with ``w(x) + u(x + w(x)) = 0``, by Picard's iteration with half steps.

    Whole steps would converge only if u changed by less than one pixel between neighbours. Half
    steps converge for any stretching up to fourfold, and for any shrinking, if the deformation
    turns by less than 90 degrees. The flow of a velocity is inverted by its negative instead.

    Parameters
    ----------
    displacement : Tensor of shape (n, n_dims, *sizes)
    n_iter : int, default=100
        Largest number of iterations.
    tol : float, default=1e-4
        The iteration ends when ``|w(x) + u(x + w(x))|`` is below this everywhere, in pixels.
    """
    inverse = torch.zeros_like(displacement)
    for _ in range(n_iter):
        excess = compose(displacement, inverse)
        inverse = inverse - excess / 2
        if excess.abs().max() < tol:
            break
    return inverse


def jacobian_determinant(displacement: Tensor) -> Tensor:
    """Return the determinant of ``D(id + u)``, shape (n, *sizes).

    Differences are central, and one-sided at the border. Where the determinant is not positive,
    the map folds.
    """
    n_dims = displacement.shape[1]
    slopes = torch.gradient(displacement, dim=list(range(2, 2 + n_dims)))
    identity = torch.eye(n_dims).to(displacement).view(n_dims, n_dims, *[1] * n_dims)
    # (n, n_dims, *sizes) each: how the map changes along one axis
    columns = [slope + one for slope, one in zip(slopes, identity, strict=True)]
    if n_dims == 2:
        (a, b), (c, d) = (column.unbind(1) for column in columns)
        return a * d - b * c
    return (torch.linalg.cross(columns[0], columns[1], dim=1) * columns[2]).sum(1)


def exp_velocity(velocity: Tensor, n_squarings: int = 7) -> Tensor:
    """Return the displacement of the flow of a stationary velocity field after unit time.

    Scaling and squaring (Arsigny, Commowick, Pennec and Ayache 2006): the flow after time
    ``2**-n_squarings`` is nearly ``id + 2**-n_squarings * v``, and composing a flow with itself
    doubles its time. The inverse is the flow of ``-velocity``.

    Parameters
    ----------
    velocity : Tensor of shape (n, n_dims, *sizes)
        Velocity in pixels per unit time.
    n_squarings : int, default=7
        The error is proportional to ``2**-n_squarings``, down to the error of the interpolation.
    """
    displacement = velocity / 2**n_squarings
    for _ in range(n_squarings):
        displacement = compose(displacement, displacement)
    return displacement
