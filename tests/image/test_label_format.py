"""Layouts of masks."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.image._label_format import find_label_format

X = np.zeros((4, 2, 3, 5))
Y = np.random.default_rng(0).integers(3, size=(4, 3, 5))


@pytest.mark.parametrize(
    ("y", "is_last"),
    [(Y, False), (Y, True), (Y.reshape(4, -1), False), (Y[:, None], False), (Y[..., None], True)],
)
def test_layouts_are_read_and_given_back(y, is_last):
    layout = find_label_format(y, X, is_last)
    maps = layout.to_maps(y)
    assert_array_equal(maps, Y[:, None])
    assert_array_equal(layout.from_maps(maps), y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y[:, 0, 0], r"one for every pixel is wanted: an array of shape \(4, 3, 5\)"),
        (Y[:3], "X has 4 images, y has 3"),
        (Y[:, :2], "X has images of 3 x 5 pixels, and y of 2 x 5"),
        (Y.reshape(4, -1)[:, :14], r"rows of shape \(3, 5\), \(1, 3, 5\) or, flattened, \(15,\)"),
        (Y[..., None], r"y has rows of shape \(3, 5, 1\)"),
        (Y[:, None].repeat(2, 1), r"y has rows of shape \(2, 3, 5\)"),
    ],
)
def test_what_are_no_masks(y, message):
    with pytest.raises(ValueError, match=message):
        find_label_format(y, X, is_channels_last=False)
