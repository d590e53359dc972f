"""Images cut into patches."""

import numpy as np
import pytest

from skae.rows._patches import cut_patches


@pytest.mark.parametrize(("sizes", "size"), [((8, 8), 4), ((7, 10), 4), ((5, 9), 5), ((4, 9), 6)])
def test_every_pixel_is_in_a_patch(sizes, size):
    maps = np.arange(2 * np.prod(sizes)).reshape(2, 1, *sizes)
    patches = cut_patches(maps, size)
    assert set(patches.ravel()) == set(maps.ravel())
    n_patches = -(-sizes[0] // size) * -(-sizes[1] // size)
    assert patches.shape == (2 * n_patches, 1, min(size, sizes[0]), min(size, sizes[1]))
    # one image after the other
    assert (patches[:n_patches] < maps[1].min()).all()


def test_patches_of_the_whole_size():
    maps = np.arange(24).reshape(2, 1, 3, 4)
    np.testing.assert_array_equal(cut_patches(maps, 10), maps)
