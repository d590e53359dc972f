"""Warping of arrays."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skae.registration import jacobian_determinant, warp_images
from skae.registration._fields import warp


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(3, 6, 5))


@pytest.fixture
def field():
    return np.random.default_rng(1).normal(size=(3, 2, 6, 5))


@pytest.mark.parametrize("sizes", [(6, 5), (4, 5, 3)])
@pytest.mark.parametrize("order", [0, 1])
def test_it_is_the_warp_of_tensors(sizes, order):
    rng = np.random.default_rng(0)
    images, field = rng.normal(size=(2, 3, *sizes)), rng.normal(size=(2, len(sizes), *sizes))
    warped = warp_images(images, field, order=order)
    assert_allclose(warped, warp(torch.tensor(images), torch.tensor(field), order), atol=1e-12)
    assert_array_equal(warp_images(images[:, 1], field, order=order), warped[:, 1])
    of_one = warp_images(images[:1], field, order=order)
    assert_array_equal(of_one[1], warp_images(images[:1], field[1:], order=order)[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32, np.float64, bool])
def test_labels_keep_their_dtype(field, dtype):
    labels = (np.arange(90).reshape(3, 6, 5) % 2).astype(dtype)
    warped = warp_images(labels, field, order=0)
    assert warped.dtype == dtype
    assert set(np.unique(warped)) == {0, 1}
    linear = warp_images(labels, field.astype(np.float32))
    assert linear.dtype == (np.float32 if dtype == np.float32 else np.float64)


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:, ::-1].copy()[:, ::-1],
        lambda array: array.tolist(),
        torch.tensor,
        lambda array: array.astype(">f8"),
        np.asfortranarray,
    ],
)
def test_any_array(images, field, change):
    assert_allclose(warp_images(change(images), change(field)), warp_images(images, field))
    assert_allclose(jacobian_determinant(change(field)), jacobian_determinant(field))


def test_what_is_given_stays_as_it_is(images, field):
    copies = images.copy(), field.copy()
    warp_images(images, field)
    jacobian_determinant(field)
    assert_array_equal(images, copies[0])
    assert_array_equal(field, copies[1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x, u: (x, u[:, :1]), r"must have the shape \(n, 2, height, width\)"),
        (lambda x, u: (x, u[0]), r"must have the shape \(n, 2, height, width\)"),
        (lambda x, u: (x, np.zeros((1, 1, 4))), r"Got \(1, 1, 4\) instead"),
        (lambda x, u: (x[:, :5], u), r"must have the sizes of the displacement: shape \(n, 6, 5\)"),
        (lambda x, u: (x[0], u), "must have the sizes"),
        (lambda x, u: (x[:2], u), "2 images and 3 displacement fields"),
        (lambda x, u: (x * np.nan, u), "images contains NaN"),
        (lambda x, u: (x, np.where(u > 2, np.inf, u)), "displacement contains"),
        (lambda x, u: (x + 1j, u), "Complex data not supported"),
        (lambda x, u: (x.astype(str), u * 1j), "."),
    ],
)
def test_bad_input(images, field, make, message):
    with pytest.raises(ValueError, match=message):
        warp_images(*make(images, field))


@pytest.mark.parametrize("order", [2, -1, None, True, "linear"])
def test_bad_order(images, field, order):
    with pytest.raises(ValueError, match="order must be 0"):
        warp_images(images, field, order=order)


def test_differences_need_two_pixels():
    with pytest.raises(ValueError, match="at least 2 pixels"):
        jacobian_determinant(np.zeros((1, 2, 1, 5)))
