"""Labels of pixels, moved."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.registration import warp_images
from skae.registration._voting import LabelMaps, Voters, read_labels


@pytest.mark.parametrize("sizes", [(6, 5), (4, 5, 3)])
def test_whole_pixels_are_moved_as_they_are(sizes):
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=(1, *sizes)) * 10
    field = np.zeros((2, len(sizes), *sizes))
    field[0, 0], field[1, -1] = 1, -1
    nothing = np.zeros((1, *field.shape[1:]))
    moved = LabelMaps.of(labels, nothing).warp(field)
    assert_array_equal(moved, warp_images(labels, field, order=0))


def test_the_majority_wins():
    images = np.array([[[0, 1, 1]], [[0, 0, 1]], [[2, 1, 1]]])
    nothing = np.zeros((3, 2, 1, 3))
    maps = LabelMaps.of(images, nothing)
    assert_array_equal(maps.warp(nothing[:1]), [[[0, 1, 1]]])
    assert_array_equal(maps.shares.sum(1), 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, float, "U5", object])
def test_labels_keep_their_dtype(dtype):
    labels = np.array([[[0, 1], [1, 0]]]).astype(dtype)
    nothing = np.zeros((1, 2, 2, 2))
    moved = LabelMaps.of(labels, nothing).warp(nothing)
    assert moved.dtype == labels.dtype
    assert_array_equal(moved, labels)


def test_everyone_votes_on_images_of_the_own_atlas():
    labels = np.array([[[0, 0]], [[1, 2]], [[1, 1]], [[1, 2]]])
    nothing = np.zeros((4, 2, 1, 2))
    voters = Voters(labels, nothing, np.array([0, 1, 1, 1]))
    found = voters.label(nothing, np.array([1, 0, 0, 1]))
    assert_array_equal(found, [[[1, 2]], [[0, 0]], [[0, 0]], [[1, 2]]])
    with pytest.raises(ValueError, match=r"images of atlas_\[2\], of which X_labelled has none"):
        voters.label(nothing, np.array([1, 2, 0, 1]))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((3, 4)), r"the pixels of the atlas, \(4, 3\). Got \(3, 4\)"),
        (np.full((4, 3), np.nan), "NaN or infinity"),
        (np.full((4, 3), 1j), "must be numbers or strings"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        read_labels(labels, (4, 3), "the atlas")
