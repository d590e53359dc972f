"""Conversions of colours, against scikit-image and against their own definitions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skimage import color

from skae import _colors
from skae._colors import (
    WHITE,
    check_colors,
    compressed,
    find_grey,
    find_lightness,
    hsv_to_rgb,
    lab_to_rgb,
    linearized,
    rgb_to_hsv,
    rgb_to_lab,
)

CORNERS = np.stack(np.meshgrid(*[[0.0, 0.5, 1.0]] * 3), axis=0).reshape(1, 3, 27)


@pytest.fixture(scope="module")
def rgb():
    """Colours of all kinds; the corners of the cube, and dark ones."""
    colors = np.random.default_rng(0).uniform(size=(2, 3, 40, 27))
    colors[1] *= 0.05
    return np.concatenate([colors, np.broadcast_to(CORNERS[:, :, None], (1, 3, 40, 27))])


def test_lab_is_scikit_images(rgb):
    """Theirs has rounded constants, and a white that is not quite that of their RGB."""
    theirs = color.rgb2lab(rgb, channel_axis=1)
    assert_allclose(rgb_to_lab(rgb), theirs, rtol=0, atol=0.01)
    white = (WHITE / [0.95047, 1.0, 1.08883]).reshape(3, 1, 1)
    xyz = color.rgb2xyz(rgb, channel_axis=1) / white
    theirs = color.xyz2lab(xyz, channel_axis=1)
    assert_allclose(rgb_to_lab(rgb), theirs, rtol=0, atol=2e-4)
    is_light = xyz.min(axis=1) > 0.01
    ours, theirs = (np.moveaxis(lab, 1, -1)[is_light] for lab in (rgb_to_lab(rgb), theirs))
    assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    assert len(ours) > 1000


def test_hsv_is_scikit_images(rgb):
    assert_allclose(rgb_to_hsv(rgb), color.rgb2hsv(rgb, channel_axis=1), atol=1e-12)
    hsv = np.random.default_rng(0).uniform(size=(2, 3, 20, 30))
    assert_allclose(hsv_to_rgb(hsv), color.hsv2rgb(hsv, channel_axis=1), atol=1e-12)
    turned = hsv + np.array([1, 0, 0]).reshape(3, 1, 1)
    assert_allclose(hsv_to_rgb(turned), hsv_to_rgb(hsv), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back(rgb, dtype):
    rgb = rgb.astype(dtype)
    # the standard's threshold is rounded
    tolerance = 1e-6 if dtype == np.float64 else 1e-5
    for there, back in (
        (rgb_to_lab, lab_to_rgb),
        (rgb_to_hsv, hsv_to_rgb),
        (linearized, compressed),
    ):
        converted = there(rgb)
        assert converted.dtype == dtype
        assert_allclose(back(converted), rgb, rtol=0, atol=tolerance)
        assert back(converted).dtype == dtype


def test_single_precision(rgb):
    single = rgb.astype(np.float32)
    assert_allclose(rgb_to_lab(single), rgb_to_lab(rgb), rtol=0, atol=5e-5)
    assert_allclose(find_grey(single), find_grey(rgb), rtol=0, atol=1e-6)


def test_greys_have_no_colour():
    grey = np.linspace(0, 1, 1001).reshape(1, 1, -1)
    lab = rgb_to_lab(grey.repeat(3, axis=1))
    assert_allclose(lab[:, 1:], 0, atol=1e-12)
    assert_allclose(lab[:, :1], find_lightness(grey), atol=1e-12)
    assert_allclose(lab_to_rgb(lab), grey.repeat(3, axis=1), atol=1e-7)
    assert_allclose(rgb_to_lab(np.ones((1, 3))), [[100, 0, 0]], atol=1e-12)


def test_the_grey_of_a_colour_is_as_light(rgb):
    assert_allclose(find_lightness(find_grey(rgb)), rgb_to_lab(rgb)[:, :1], rtol=0, atol=1e-5)
    grey = rgb[:, :1]
    assert_allclose(find_grey(grey.repeat(3, axis=1)), grey, rtol=0, atol=1e-7)


def test_colours_that_cannot_be_seen_are_mixed_with_grey_as_light():
    """With as little of it as will do, which is on a straight line of XYZ towards white."""
    xyz = np.random.default_rng(0).uniform(0, 1, size=(5000, 3))
    lab = color.xyz2lab(xyz / WHITE * [0.95047, 1.0, 1.08883])
    rgb = lab_to_rgb(lab)
    assert (rgb >= 0).all()
    assert (rgb <= 1).all()
    assert_allclose(rgb_to_lab(rgb)[:, 0], lab[:, 0], rtol=0, atol=1e-5)
    grey = xyz[:, 1:2] * WHITE
    wanted, found = xyz - grey, color.rgb2xyz(rgb) - grey
    shares = found[:, 0] / wanted[:, 0]
    assert_allclose(found, shares[:, None] * wanted, rtol=0, atol=1e-4)
    is_mixed = shares < 0.999
    assert 1000 < is_mixed.sum() < 4900
    assert np.minimum(rgb, 1 - rgb)[is_mixed].min(axis=1).max() < 1e-12


def test_black_and_white_have_no_colour():
    lab = np.array([[0.0, 50, -50], [100, 50, -50], [120, 0, 0], [-10, 5, 5]])
    assert_allclose(lab_to_rgb(lab), np.array([[0, 1, 1, 0]]).T.repeat(3, axis=1), atol=1e-12)


def test_mixing_is_continuous(rgb):
    """Also at yellow: on a straight line of Lab, greys and yellow have invisible ones between."""
    lab = rgb_to_lab(rgb)
    moved = lab * (1 + 1e-9)
    assert_allclose(lab_to_rgb(moved), rgb, rtol=0, atol=1e-5)


def test_what_is_no_colour():
    assert (check_colors(np.array([-1e-9, 1 + 1e-9]), "X") == [0, 1]).all()
    with pytest.raises(ValueError, match=r"y has values from 0 to 255, .*: divide by 255 first"):
        check_colors(np.array([0.0, 255.0]), "y")
    for values in ([-0.5, 1.0], [0.0, 1.1], [0.0, 300.0]):
        with pytest.raises(ValueError, match=r"in \[0, 1\]: rescale or clip it first"):
            check_colors(np.array(values), "y")


def test_parts_are_the_whole(rgb, monkeypatch):
    conversions = (rgb_to_lab, lab_to_rgb, rgb_to_hsv, hsv_to_rgb, find_grey, find_lightness)
    expected = [convert(rgb) for convert in conversions]
    monkeypatch.setattr(_colors, "ENTRIES_AT_ONCE", 1)
    for convert, whole in zip(conversions, expected, strict=True):
        assert_allclose(convert(rgb), whole, rtol=0, atol=1e-10)
