"""Many images as one."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from skae.inspection._mosaic import Mosaic, figure_size, find_grid, image_limits


@pytest.fixture
def ax():
    return Figure().subplots()


def test_every_image_is_where_it_belongs(ax):
    images = np.random.default_rng(0).normal(size=(5, 3, 4))
    picture = Mosaic(ax, 3, (3, 4)).draw(images, "gray", (-1, 1)).get_array()
    assert picture.shape == (3 + 1 + 3, 3 * 4 + 2)
    for i, image in enumerate(images):
        row, column = divmod(i, 3)
        assert_array_equal(picture[4 * row :][:3, 5 * column :][:, :4], image)
    assert picture.mask[3].all(), "a gap is transparent"
    assert picture.mask[4:, 10:].all(), "so is the place after the last image"
    assert picture.mask.sum() == picture.size - images.size


def test_colours_are_scaled_and_gaps_transparent(ax):
    images = np.random.default_rng(0).uniform(-20, 280, size=(2, 3, 4, 3))
    picture = Mosaic(ax, 2, (3, 4)).draw(images, "gray", (0, 255)).get_array()
    assert picture.shape == (3, 9, 4)
    assert_allclose(picture[:, :4, :3], np.clip(images[0] / 255, 0, 1))
    assert_array_equal(picture[..., 3], np.tile([1, 1, 1, 1, 0, 1, 1, 1, 1], (3, 1)))


def test_an_opacity_of_ones_own(ax):
    images = np.full((1, 3, 4, 4), 0.25)
    assert_array_equal(Mosaic(ax, 1, (3, 4)).draw(images, "gray", (0, 1)).get_array(), images[0])


def test_blocks_lie_below_each_other(ax):
    mosaic = Mosaic(ax, 2, (3, 4))
    images = np.arange(4 * 12.0).reshape(4, 3, 4)
    first = mosaic.draw(images, "gray", (0, 1))
    second, colorbar = mosaic.draw_differences(images[:2] - 3, "difference")
    assert first.get_extent() == [0, 9, 7, 0]
    assert second.get_extent() == [0, 9, 11, 8]
    assert ax.get_ylim() == (11, 0)
    assert second.get_clim() == (-20, 20)
    assert colorbar.ax.get_ylabel() == "difference"
    mosaic.label(["a", "b", "c"], ["d", "e"])
    assert_array_equal(ax.get_yticks(), [1.5, 5.5, 9.5])
    assert_array_equal(ax.get_xticks(), [2, 7])


def test_no_difference_at_all(ax):
    image, _ = Mosaic(ax, 1, (3, 4)).draw_differences(np.zeros((1, 3, 4)))
    assert image.get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("low", "high", "n_channels", "expected"),
    [
        (-3, 7, 0, (-3, 7)),
        (5, 5, 0, (5, 6)),
        (0.2, 0.9, 0, (0.2, 0.9)),
        (0.2, 0.9, 3, (0, 1)),
        (-0.05, 1.05, 3, (0, 1)),
        (0, 200, 3, (0, 255)),
        (-2, 2, 3, (-2, 2)),
        (0, 1000, 3, (0, 1000)),
    ],
)
def test_limits(low, high, n_channels, expected):
    images = np.linspace(low, high, 36)
    images = np.repeat(images, n_channels) if n_channels else images
    shape = (2, 3, 6, n_channels) if n_channels else (2, 3, 6)
    assert image_limits(images.reshape(shape)) == pytest.approx(expected)


def test_a_few_outliers_do_not_take_the_contrast_away():
    images = np.random.default_rng(0).uniform(size=(10, 20, 20))
    images[0, 0, :2] = -100, 100
    assert image_limits(images) == (-100, 100)
    assert image_limits(images, 0.005) == pytest.approx((0, 1), abs=0.01)


@pytest.mark.parametrize(
    ("n_images", "n_cols", "expected"),
    [(1, None, (1, 1)), (7, None, (3, 3)), (36, None, (6, 6)), (7, 4, (2, 4)), (3, 10, (1, 3))],
)
def test_grids(n_images, n_cols, expected):
    assert find_grid(n_images, n_cols) == expected


def test_figures_have_the_shape_of_what_is_in_them():
    images = np.zeros((1, 10, 20))
    width, height = figure_size(4, 3, images, beside=0, below=0)
    assert width / height == pytest.approx(3 * 20 / (4 * 10))
    assert max(figure_size(100, 100, images)) < 10
