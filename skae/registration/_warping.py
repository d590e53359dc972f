"""Warping of arrays of images by displacement fields."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from skae.registration import _fields
from skae.rows._validation import detached, reading

NAMES = {2: "(n, 2, height, width)", 3: "(n, 3, depth, height, width)"}
"""The shapes of fields, by their number of spatial axes."""


def warp_images(images: ArrayLike, displacement: ArrayLike, *, order: int = 1) -> NDArray:
    """Warp images by displacement fields.

    Parameters
    ----------
    images : array-like of shape (n, height, width) or (n, n_channels, height, width)
        Images, or volumes with the depth before the height. A single one is warped by all fields.
    displacement : array-like of shape (n, 2, height, width)
        Displacements in pixels, in the order of the images' axes: (dy, dx), or (dz, dy, dx) for
        volumes, whose fields have the shape (n, 3, depth, height, width). The result at pixel x is
        the image at ``x + displacement(x)``.
    order : {0, 1}, default=1
        Order of the interpolation: 1 is linear, 0 takes the nearest pixel, as labels need it.

    Returns
    -------
    warped : ndarray of shape (n, height, width) or (n, n_channels, height, width)
        The warped images, in the dtype of the images if `order` is 0 or if they are float32, else
        in float64. Points outside of an image have the value of the nearest pixel of its border.

    Raises
    ------
    ValueError
        If the shapes do not match, or if a number is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.registration import warp_images
    >>> image = np.arange(12.0).reshape(1, 3, 4)
    >>> one_to_the_right = np.zeros((1, 2, 3, 4))
    >>> one_to_the_right[:, 1] = 1
    >>> warp_images(image, one_to_the_right)[0, 0]
    array([1., 2., 3., 3.])
    """
    if order not in (0, 1) or isinstance(order, bool):
        raise ValueError(
            f"order must be 0 (the nearest pixel) or 1 (linear interpolation). Got {order!r}."
        )
    fields = check_displacement(displacement)
    images = _read(images, "images")
    n_dims = fields.shape[1]
    _check_images(images, fields)
    dtype = images.dtype
    # single precision only if both are in single precision
    is_single = dtype == fields.dtype == np.float32
    kind = torch.float32 if is_single else torch.float64
    # (n, *sizes) -> (n, 1, *sizes)
    maps = images[:, None] if images.ndim == n_dims + 1 else images
    warped = _fields.warp(as_field(maps).to(kind), as_field(fields).to(kind), order)
    result = warped.numpy().reshape(len(fields), *images.shape[1:])
    return result.astype(dtype if order == 0 or dtype == np.float32 else np.float64, copy=False)


def jacobian_determinant(displacement: ArrayLike) -> NDArray:
    """Return the factor by which a deformation changes the area, or volume, around every pixel.

    Parameters
    ----------
    displacement : array-like of shape (n, 2, height, width)
        Displacements in pixels, in the order of the axes; for volumes, of shape
        (n, 3, depth, height, width).

    Returns
    -------
    determinant : ndarray of shape (n, height, width)
        Determinant of the Jacobian of ``x + displacement(x)``, by central differences: 1 where the
        area is kept, 2 where the deformed image shows twice the area of the original in the same
        place, not positive where the map folds. In float32 if the field is, else in float64.

    Raises
    ------
    ValueError
        If the field has less than two pixels along an axis, if its shape is not valid, or if a
        number is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.registration import jacobian_determinant
    >>> stretched = np.zeros((1, 2, 3, 4))
    >>> stretched[:, 1] = np.arange(4) / 2
    >>> float(jacobian_determinant(stretched).mean())
    1.5
    """
    field = check_displacement(displacement)
    if min(field.shape[2:]) < 2:
        raise ValueError(
            "displacement must have at least 2 pixels along every axis, to compute differences. "
            f"Got shape {field.shape}."
        )
    return _fields.jacobian_determinant(as_field(field)).numpy()


def check_displacement(displacement: ArrayLike) -> NDArray:
    """Return fields as an array in float64 or float32, shape (n, n_dims, *sizes)."""
    field = _read(displacement, "displacement")
    n_dims = field.ndim - 2
    if n_dims not in NAMES or field.shape[1] != n_dims:
        raise ValueError(
            f"displacement must have the shape {NAMES[2]} or {NAMES[3]}, with one entry for every "
            f"spatial axis. Got {field.shape} instead."
        )
    return field if field.dtype in (np.float32, np.float64) else field.astype(np.float64)


def as_field(array: NDArray) -> torch.Tensor:
    """Return an array of any strides and byte order as a tensor."""
    # torch knows only the machine's byte order
    native = array.dtype.newbyteorder("=")
    if native.kind not in "fi" or native.itemsize < 4:
        native = np.dtype(np.float64)
    return torch.from_numpy(np.array(array, dtype=native, order="C"))


def _read(given: ArrayLike, name: str) -> NDArray:
    with reading(name):
        array: NDArray = check_array(
            detached(given), dtype="numeric", allow_nd=True, ensure_2d=False, input_name=name
        )
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers.")
    return array


def _check_images(images: NDArray, field: NDArray) -> None:
    n_dims, sizes = field.shape[1], field.shape[2:]
    has_axes = images.ndim in (n_dims + 1, n_dims + 2)
    if not has_axes or images.shape[-n_dims:] != sizes:
        wanted = ", ".join(map(str, sizes))
        raise ValueError(
            f"images must have the sizes of the displacement: shape (n, {wanted}), or (n, "
            f"n_channels, {wanted}). Got {images.shape} instead."
        )
    if len(images) not in (1, len(field)):
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: there are "
            f"{len(images)} images and {len(field)} displacement fields. Give one field for every "
            "image, or a single image."
        )
