"""Labels of pixels, and their places among the classes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.objectives import IGNORED
from skae.rows._masks import check_label_names, find_label_names, find_places, read_labels

Y = np.random.default_rng(0).integers(3, size=(4, 3, 5))
NAMES = [
    np.array([-3, 0, 7]),
    np.array([0, 128, 255], dtype=np.uint8),
    np.array([False, True]),
    np.array(["sea", "shore"]),
    np.array([0.0, 1.0]),
    np.array(["sea", "shore"], dtype=object),
]


@pytest.mark.parametrize("names", NAMES, ids=lambda names: str(names.dtype))
def test_labels_of_any_kind(names):
    y = names[Y % len(names)]
    read = read_labels(y, None)
    assert_array_equal(find_label_names(read, None), names)
    assert_array_equal(find_places(names, read, None), Y % len(names))


def test_one_may_be_ignored():
    y = Y - 1
    names = find_label_names(y, -1)
    assert_array_equal(names, [0, 1])
    assert_array_equal(find_places(names, y, -1), np.where(y == -1, IGNORED, y))


def test_what_are_no_labels():
    with pytest.raises(ValueError, match="object requires y to be passed, but the target y is N"):
        read_labels(None, object())
    with pytest.raises(ValueError, match=r"make a mask of it, such as y > 0.5"):
        read_labels(Y + 0.5, None)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        read_labels(np.where(Y, np.nan, 1.0), None)
    with pytest.raises(ValueError, match=r"at least two different labels .* Got \[1\]"):
        check_label_names(find_label_names(np.where(Y, 1, 5), 5))
    with pytest.raises(ValueError, match="y has classes that were not seen in fit: 2"):
        find_places(np.array([0, 1]), Y, None)
