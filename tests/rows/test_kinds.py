"""Rows that are made of others, and rows that are held out."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.rows._kinds import ImageRows, TableRows, spread_labels
from skae.rows._patches import cut_patches
from skae.rows._reader import Block
from skae.rows._rows import Rows, Split
from skae.rows._survey import cut_block

X = np.random.default_rng(0).normal(size=(5, 2, 7, 6)).astype(np.float32)


@pytest.mark.parametrize("is_target", [False, True])
def test_patches_are_held_out_with_their_image(is_target):
    y = X if is_target else -X[:, :1]
    is_held_out = np.arange(5) % 2 == 0
    cut = cut_block(ImageRows(patch_size=4), Block(7, Rows(X, y), 10, is_held_out))
    patches, targets = cut.rows.seen, cut.rows.target
    assert_array_equal(patches, cut_patches(X, 4))
    assert_array_equal(targets, cut_patches(y, 4))
    assert (cut.number, cut.start) == (7, 40)
    held_out = patches[cut.is_held_out].reshape(3, 4, 2, 4, 4)
    assert_array_equal(held_out[:, 0], X[::2, :, :4, :4])
    assert (targets is patches) == is_target


@pytest.mark.parametrize("kind", [ImageRows(), TableRows()], ids=repr)
def test_whole_images_stay_as_they_are(kind):
    block = Block(0, Rows(X, X), 0, np.zeros(5, bool))
    cut = cut_block(kind, block)
    assert cut.rows is block.rows
    assert cut.is_held_out is block.is_held_out
    assert (cut.number, cut.start) == (0, 0)


@pytest.mark.parametrize(("n_images", "is_whole"), [(20, True), (5, False)])
def test_whole_images_are_held_out(n_images, is_whole):
    """Where there are enough of them; else patches are."""
    maps = np.zeros((n_images, 1, 9, 7))
    random_state = np.random.RandomState(0)
    train, valid = ImageRows(patch_size=4).split(Rows(maps, maps), 0.1, random_state, True)
    assert sorted([*train, *valid]) == list(range(6 * n_images))
    assert len(valid) == (12 if is_whole else 3)
    assert (len({*(train // 6)} & {*(valid // 6)}) == 0) == is_whole


@pytest.mark.thinned(1)
@pytest.mark.parametrize("n_labelled", range(1, 21))
@pytest.mark.parametrize("n_valid", [0, 1, 7, 19])
def test_labelled_images_are_on_both_sides(n_labelled, n_valid):
    order = np.random.default_rng(n_labelled).permutation(20)
    split = Split(order[n_valid:], order[:n_valid])
    train, valid = spread_labels(split, np.arange(20) < n_labelled)
    assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(20))
    assert len(valid) == n_valid
    if n_labelled == 20:
        assert_array_equal(train, order[n_valid:])
        return
    assert (train < n_labelled).any()
    assert (valid < n_labelled).any() == (n_valid > 0 and n_labelled > 1)
