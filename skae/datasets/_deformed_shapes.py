"""Images of shapes of several classes with known deformations."""

from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.ndimage import map_coordinates
from sklearn.utils import Bunch, check_random_state

from skae._scikit_learn import Interval, validate_params
from skae._types import Seed

RADIUS = 0.25
"""Mean radius of the templates, as a share of the size."""
AMPLITUDE = 0.25
"""Amplitude of the harmonics of a template's outline, as a share of the radius."""
N_MODES = 3
"""Number of sine waves along every axis in a deformation."""
MAX_SHIFT = 0.1
"""Largest shift along an axis, as a share of the size."""
MAX_SCALE = 1.25
"""Largest factor by which shapes are enlarged or shrunk."""


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
    random_state: Seed = None,
) -> Bunch:
    """Return images or volumes of shapes with known deformations, masks and classes.

    Every class has a template: a disc or a ball whose radius is larger in two, three, ...
    directions. An image is the template of its class after a deformation, rotation, shift and
    scaling, multiplied by a random brightness, plus noise.

    Parameters
    ----------
    n_samples : int, default=100
        Number of images.
    n_classes : int, default=3
        Number of classes. The numbers of images per class differ by at most one.
    size : int, default=32
        Pixels along every axis, at least 8.
    n_dims : {2, 3}, default=2
        2 for images, 3 for volumes.
    deformation : float in [0, 1), default=0.3
        The largest change of the smooth part of a displacement from one pixel to the next, in
        pixels. Deformations do not fold, since it is below 1.
    random_pose : float in [0, 1], default=0.1
        The extent of random rotations, shifts and scalings. With 1, shapes are rotated by any
        angle, shifted by up to a tenth of the size along every axis, and enlarged or shrunk by a
        factor of up to 1.25.
    contrast : float in [0, 1), default=0.0
        The brightness of a shape is between ``1 - contrast`` and ``1 + contrast``; that of the
        background is 0.
    noise : float, default=0.1
        Standard deviation of the normal noise on every pixel.
    random_state : int, RandomState instance or None, default=None
        Draws the images. Pass an int for reproducible images.

    Returns
    -------
    shapes : :class:`~sklearn.utils.Bunch`
        With these attributes, all in float64 unless noted:

        images : ndarray of shape (n_samples, size, size) or (n_samples, size, size, size)
            The images or volumes.
        masks : ndarray of the shape of `images`, of uint8
            1 in the shape, 0 outside.
        target : ndarray of shape (n_samples,), of int
            Classes, from 0 to ``n_classes - 1``.
        displacement : ndarray of shape (n_samples, n_dims, size, ...)
            Displacements in pixels, in the order of the axes. Without noise and for a brightness of
            1, image i at x is ``templates[target[i]]`` at ``x + displacement[i](x)``.
        templates : ndarray of shape (n_classes, size, ...)
            The undeformed shape of every class, with values from 0 to 1.
        template_masks : ndarray of the shape of `templates`, of uint8
            1 where a template is at least 0.5, 0 elsewhere.

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
    # the points of the template that the pixels of every image show, (n, n_dims, size, ...)
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
        masks=_compute_mask(clean),
        target=target,
        displacement=points - grid,
        templates=templates,
        template_masks=_compute_mask(templates),
    )


def _draw_template(order: int, grid: NDArray) -> NDArray:
    """Return a shape whose radius has `order` maxima around the centre; its edge is one pixel wide.

    In volumes, the radius varies with the angle in the plane of the last two axes, and less so
    towards the poles.
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
        # replaces the first axis of orders, which is axis 2, by an axis of pixels at the end
        fields = np.tensordot(fields, waves, (2, 0))
    slopes = np.stack(np.gradient(fields, axis=tuple(range(2, fields.ndim))))
    # the largest stretching in any direction is at most the root of the sum of squares
    steepest = np.sqrt(np.square(slopes).sum(axis=(0, 2))).reshape(n, -1).max(axis=1)
    return fields / steepest.reshape(-1, *[1] * (n_dims + 1))


def _draw_pose(
    size: int, n_dims: int, extent: float, rng: np.random.RandomState
) -> tuple[NDArray, NDArray]:
    """Return a matrix for rotation and scaling, and a shift in pixels."""
    angle, direction = rng.uniform(-np.pi, np.pi), rng.standard_normal((n_dims, n_dims))
    turn = direction - direction.T
    # normalised over pairs of axes, each of which has two entries
    turn /= np.sqrt(np.square(turn).sum() / 2)
    scale = MAX_SCALE ** (extent * rng.uniform(-1, 1))
    shift = extent * MAX_SHIFT * size * rng.uniform(-1, 1, n_dims)
    return expm(extent * angle * turn) * scale, shift


def _move(points: NDArray, matrix: NDArray, shift: NDArray) -> NDArray:
    """Shift points of shape (n_dims, size, ...), then rotate and scale them around the centre."""
    n_dims, size = points.shape[:2]
    centre = (size - 1) / 2
    shift = shift.reshape(-1, *[1] * n_dims)
    return np.tensordot(matrix, points + shift - centre, 1) + centre


def _compute_mask(images: NDArray) -> NDArray[np.uint8]:
    return (images >= 0.5).astype(np.uint8)
