"""Shapes of several classes, deformed in a known way."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.ndimage import map_coordinates
from sklearn.utils import Bunch, check_random_state

from skae._scikit_learn import Interval, validate_params

RADIUS = 0.25
"""Of the templates, as a share of the size."""
AMPLITUDE = 0.25
"""Of the harmonics, as a share of the radius."""
N_MODES = 3
"""Sine waves along every axis, of which deformations are made."""
MAX_SHIFT = 0.1
"""As a share of the size."""
MAX_SCALE = 1.25


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 1, None, closed="left")],
        "size": [Interval(Integral, 8, None, closed="left")],
        "n_dims": [Interval(Integral, 2, 3, closed="both")],
        "deformation": [Interval(Real, 0, 1, closed="left")],
        "random_pose": [Interval(Real, 0, 1, closed="both")],
        "contrast": [Interval(Real, 0, 1, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_deformed_shapes(
    n_samples: int = 100,
    *,
    n_classes: int = 3,
    size: int = 32,
    n_dims: int = 2,
    deformation: float = 0.3,
    random_pose: float = 0.1,
    contrast: float = 0.0,
    noise: float = 0.1,
    random_state: Any = None,
) -> Bunch:
    """Return images or volumes of shapes whose deformations, masks and classes are known.

    Every class has a template: a disc, or a ball, whose radius is larger in two, three, ...
    directions. An image is the template of its class, deformed, turned, moved and scaled, times a
    brightness of its own, and with noise.

    Parameters
    ----------
    n_samples : int, default=100
        Number of images.
    n_classes : int, default=3
        Number of classes, which are as frequent as each other but for one image.
    size : int, default=32
        Pixels along every axis, at least 8.
    n_dims : {2, 3}, default=2
        2 for images, 3 for volumes.
    deformation : float in [0, 1), default=0.3
        By how much the smooth part of a displacement changes from a pixel to the next, in
        pixels, where it changes most. It is below 1, so that nothing folds.
    random_pose : float in [0, 1], default=0.1
        How far shapes are turned, moved and scaled at random. 1 turns them by any angle, moves
        them by up to a tenth of the size along every axis, and makes them up to 1.25 times as large
        or as small.
    contrast : float in [0, 1), default=0.0
        The brightness of a shape is between ``1 - contrast`` and ``1 + contrast``; that of the
        background is 0.
    noise : float, default=0.1
        Standard deviation of the normal noise on every pixel.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same images at every call.

    Returns
    -------
    shapes : :class:`~sklearn.utils.Bunch`
        Has these attributes:

        images : ndarray of shape (n_samples, size, size) or (n_samples, size, size, size)
            In float64, as all other arrays but masks and classes.
        masks : ndarray of the shape of `images`, of uint8
            1 in the shape, 0 outside.
        target : ndarray of shape (n_samples,), of int
            Classes, from 0 on.
        displacement : ndarray of shape (n_samples, n_dims, size, ...)
            In pixels, in the order of the axes. ``templates[target[i]]`` at ``x +
            displacement[i](x)`` is image i without its noise, for a brightness of 1.
        templates : ndarray of shape (n_classes, size, ...)
            What classes look like before anything is done to them, with values from 0 to 1.
        template_masks : ndarray of the shape of `templates`, of uint8
            Where they are at least 0.5.

    Raises
    ------
    ValueError
        If a parameter is not valid.

    See Also
    --------
    skae.registration.warp_images : Warps images by displacements.

    Examples
    --------
    >>> from skae.datasets import make_deformed_shapes
    >>> shapes = make_deformed_shapes(20, noise=0.0, random_state=0)
    >>> shapes.images.shape, shapes.displacement.shape, shapes.templates.shape
    ((20, 32, 32), (20, 2, 32, 32), (3, 32, 32))
    >>> from skae.registration import warp_images
    >>> warped = warp_images(shapes.templates[shapes.target], shapes.displacement)
    >>> float(abs(shapes.images - warped).max()) < 1e-12
    True
    """
    rng = check_random_state(random_state)
    grid = np.indices((size,) * n_dims, dtype=np.float64)
    templates = np.stack([_draw_template(n + 2, grid) for n in range(n_classes)])
    target = rng.permutation(np.arange(n_samples) % n_classes)
    smooth = deformation * _draw_smooth_fields(n_samples, grid, rng)
    poses = [_draw_pose(size, n_dims, random_pose, rng) for _ in range(n_samples)]
    points = np.stack(
        [_move(grid + field, *pose) for field, pose in zip(smooth, poses, strict=True)]
    )
    clean = np.stack(
        [
            map_coordinates(templates[label], point, order=1, mode="nearest")
            for label, point in zip(target, points, strict=True)
        ]
    )
    brightness = rng.uniform(1 - contrast, 1 + contrast, (n_samples, *[1] * n_dims))
    return Bunch(
        images=brightness * clean + noise * rng.standard_normal(clean.shape),
        masks=_find_mask(clean),
        target=target,
        displacement=points - grid,
        templates=templates,
        template_masks=_find_mask(templates),
    )


def _draw_template(order: int, grid: NDArray) -> NDArray:
    """Return a shape whose radius has so many maxima around the centre; its edge is one pixel wide.

    In volumes, the harmonics are those of the last two axes' angle, and fade towards the poles.
    """
    size = grid.shape[1]
    offsets = grid - (size - 1) / 2
    distance = np.sqrt(np.square(offsets).sum(axis=0))
    in_plane = np.hypot(offsets[-2], offsets[-1])
    waves = np.cos(order * np.arctan2(offsets[-2], offsets[-1]))
    # the sine of the angle to the first axis: 1 everywhere in images
    sine = in_plane / np.maximum(distance, 1e-9)
    radius = RADIUS * size * (1 + AMPLITUDE * sine**order * waves)
    return np.clip(radius - distance + 0.5, 0, 1)


def _draw_smooth_fields(n: int, grid: NDArray, rng: np.random.RandomState) -> NDArray:
    """Return sums of sine waves that vanish at the border, with a largest slope of 1.

    Their shape is (n, n_dims, size, ...).
    """
    n_dims, size = grid.shape[:2]
    orders = np.arange(1, N_MODES + 1)
    waves = np.sin(np.pi * np.outer(orders, np.arange(size) + 0.5) / size)
    squares = np.square(np.indices((N_MODES,) * n_dims) + 1).sum(axis=0)
    fields = rng.standard_normal((n, n_dims, *squares.shape)) / squares
    for _ in range(n_dims):
        # one axis of orders is taken from the middle, and one of pixels put at the end
        fields = np.tensordot(fields, waves, (2, 0))
    slopes = np.stack(np.gradient(fields, axis=tuple(range(2, fields.ndim))))
    # the largest stretching in any direction is at most the root of the sum of squares
    steepest = np.sqrt(np.square(slopes).sum(axis=(0, 2))).reshape(n, -1).max(axis=1)
    return fields / steepest.reshape(-1, *[1] * (n_dims + 1))


def _draw_pose(
    size: int, n_dims: int, extent: float, rng: np.random.RandomState
) -> tuple[NDArray, NDArray]:
    """Return a matrix that turns and scales, and a shift in pixels."""
    angle, direction = rng.uniform(-np.pi, np.pi), rng.standard_normal((n_dims, n_dims))
    turn = direction - direction.T
    # of unit length: the sum over every pair of axes, which is there twice
    turn /= np.sqrt(np.square(turn).sum() / 2)
    scale = MAX_SCALE ** (extent * rng.uniform(-1, 1))
    shift = extent * MAX_SHIFT * size * rng.uniform(-1, 1, n_dims)
    return expm(extent * angle * turn) * scale, shift


def _move(points: NDArray, matrix: NDArray, shift: NDArray) -> NDArray:
    """Return points, of shape (n_dims, size, ...), moved and then turned around the centre."""
    n_dims, size = points.shape[:2]
    centre = (size - 1) / 2
    shift = shift.reshape(-1, *[1] * n_dims)
    return np.tensordot(matrix, points + shift - centre, 1) + centre


def _find_mask(images: NDArray) -> NDArray[np.uint8]:
    return (images >= 0.5).astype(np.uint8)
