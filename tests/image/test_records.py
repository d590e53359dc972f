"""Pairs of images as rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skae.image._records import RecordReader, as_patches, as_records, take_apart

from skae.blocks import Pair
from skae.rows._patches import cut_patches
from skae.rows._reader import Block

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 2, 7, 6)).astype(np.float32)


@pytest.mark.parametrize(
    "y", [RNG.normal(size=(5, 3, 7, 6)), RNG.integers(9, size=(5, 1, 7, 6))], ids=lambda y: y.dtype
)
def test_they_are_taken_apart_again(y):
    rows = np.array([3, 0, 3])
    records = as_records(X, y)
    assert records.shape == (5,)
    for found, given in zip(take_apart(records[rows]), (X, y), strict=True):
        assert found.dtype == given.dtype
        assert_array_equal(found, given[rows])


def test_a_target_that_is_x_takes_no_room():
    records = as_records(X, X)
    assert records.nbytes == X.nbytes
    images, targets = take_apart(records)
    assert targets is images


@pytest.mark.parametrize("is_target", [False, True])
def test_patches_are_held_out_with_their_image(is_target):
    y = X if is_target else -X[:, :1]
    is_held_out = np.arange(5) % 2 == 0
    rows = as_patches(Block(7, as_records(X, y), 10, is_held_out), 4)
    patches, targets = take_apart(rows.X)
    assert_array_equal(patches, cut_patches(X, 4))
    assert_array_equal(targets, cut_patches(y, 4))
    assert (rows.number, rows.start) == (7, 40)
    held_out = patches[rows.is_held_out].reshape(3, 4, 2, 4, 4)
    assert_array_equal(held_out[:, 0], X[::2, :, :4, :4])
    assert (targets is patches) == is_target


def test_whole_images_stay_as_they_are():
    block = Block(0, as_records(X, X), 0, np.zeros(5, bool))
    assert as_patches(block, None) is block


def test_all_images_have_one_size():
    read = RecordReader(lambda X, y, reset: (X, y))
    assert_array_equal(read(Pair(X, X), reset=True)["X"], X)
    assert len(read(Pair(X[:2], X[:2]), reset=False)) == 2
    with pytest.raises(ValueError, match=r"it has images of 7 x 4 pixels, .* block, 7 x 6 pixels"):
        read(Pair(X[..., :4], X[..., :4]), reset=False)
