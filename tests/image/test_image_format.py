"""Arrays of images in the shapes that users have."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.image import ImageToImageRegressor
from skae.image._image_format import check_size, check_sizes, find_format, guess_target_shape
from skae.networks import ImageLayout


def _find(row, image_shape=None, channels="first"):
    return find_format(row, image_shape, channels, "X", "image_shape")


CASES = [
    ((6, 7), None, "first", (1, 6, 7)),
    ((6, 7), None, "last", (6, 7, 1)),
    ((6, 7), (1, 6, 7), "first", (1, 6, 7)),
    ((1, 6, 7), None, "first", (1, 6, 7)),
    ((3, 6, 7), None, "first", (3, 6, 7)),
    ((6, 7, 3), None, "last", (6, 7, 3)),
    ((42,), (1, 6, 7), "first", (1, 6, 7)),
    ((126,), (6, 7, 3), "last", (6, 7, 3)),
]


@pytest.mark.parametrize(("row", "image_shape", "channels", "shape"), CASES)
def test_there_and_back(row, image_shape, channels, shape):
    found = _find(row, image_shape, channels)
    assert found.layout == ImageLayout(shape, channels == "last")
    X = np.arange(2 * np.prod(row)).reshape(2, *row)
    maps = found.to_maps(X)
    assert maps.shape == (2, found.layout.n_channels, 6, 7)
    assert_array_equal(found.from_maps(maps), X)
    assert found.find_row((6, 7)) == row
    assert found.find_row((6, 5)) == found.from_maps(maps[..., :5]).shape[1:]


def test_channels_are_where_they_are():
    X = np.arange(2 * 6 * 7 * 3).reshape(2, 6, 7, 3)
    last = _find((6, 7, 3), None, "last").to_maps(X)
    flat = _find((126,), (6, 7, 3), "last").to_maps(X.reshape(2, -1))
    assert_array_equal(last, np.moveaxis(X, 3, 1))
    assert_array_equal(flat, last)


def test_other_sizes():
    found = _find((3, 6, 7))
    found.check((3, 20, 9), "X")
    with pytest.raises(ValueError, match=r"shape \(20, 9, 3\), but .* \(3, 6, 7\).* these first"):
        found.check((20, 9, 3), "X")
    with pytest.raises(ValueError, match=r"shape \(20, 9\), but .* If X is one image, pass X"):
        found.check((20, 9), "X")
    _find((6, 7)).check((20, 9), "X")


@pytest.mark.parametrize(
    ("row", "image_shape", "channels", "message"),
    [
        ((49,), None, "first", r"Set image_shape, such as \(1, 7, 7\), or give X the shape \(n, h"),
        ((50,), None, "last", r"Set image_shape, such as \(1, 50, 1\)"),
        ((), None, "first", r"X has 1 dimensions. Images are wanted .* \(n, channels, height"),
        ((3, 4, 5, 6), None, "last", r"X has 5 dimensions. .*\(n, height, width, channels\)"),
        ((50,), (1, 7, 7), "first", r"\(50,\), which do not match image_shape=\(1, 7, 7\) with 49"),
        ((6, 7), (1, 7, 6), "first", r"rows of shape \(6, 7\), which do not match"),
        ((49,), (7, 7), "first", r"three ints: .* Got \(7, 7\) instead"),
        ((49,), (1, 7, 7.0), "first", "three ints"),
        ((49,), (1, 7, 0), "first", "three ints"),
        ((32, 32, 3), None, "first", "set channels='last'"),
        ((3, 32, 32), None, "last", "set channels='first'"),
    ],
)
def test_what_is_refused(row, image_shape, channels, message):
    with pytest.raises(ValueError, match=message):
        _find(row, image_shape, channels)


def test_flattened_targets():
    layout = ImageLayout((1, 6, 7), False)
    assert guess_target_shape(42, layout) == (1, 6, 7)
    assert guess_target_shape(126, layout) == (3, 6, 7)
    assert guess_target_shape(126, ImageLayout((6, 7, 1), True)) == (6, 7, 3)
    with pytest.raises(
        ValueError, match="y has 43 numbers in a row, which make no images of 6 x 7"
    ):
        guess_target_shape(43, layout)


def test_sizes():
    check_size((4, 5), 2, 3)
    with pytest.raises(ValueError, match=r"3 x 5 pixels are too small .* depth to at most 1"):
        check_size((3, 5), 2, 0)
    with pytest.raises(ValueError, match=r"filter of size 9. Set filter_size to at most 7"):
        check_size((4, 5), 2, 4)
    check_sizes([4, 5], (4, 5))
    with pytest.raises(ValueError, match="X has images of 4 x 5 pixels, and y of 5 x 5"):
        check_sizes((4, 5), (5, 5))


def test_all_images_of_blocks_have_one_size():
    X = np.random.default_rng(0).normal(size=(5, 2, 7, 6))
    model = ImageToImageRegressor(depth=0, filter_size=1)
    assert_array_equal(model._read(X, X, reset=True).seen, X)
    assert model._read(X[:2], X[:2], reset=False).n_rows == 2
    with pytest.raises(ValueError, match=r"X has images of 7 x 4 pixels, but all .* 7 x 6 pixels"):
        model._read(X[..., :4], X[..., :4], reset=False)
