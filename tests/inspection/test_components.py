"""Which components a user asks for."""

import numpy as np
import pytest

from skae.inspection._components import check_components


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [0, 1]),
        (2, [2]),
        ([2, 0], [2, 0]),
        (range(3), [0, 1, 2]),
        (np.array([1], dtype=np.uint8), [1]),
    ],
    ids=["default", "single", "list", "range", "array"],
)
def test_ints(given, expected):
    chosen = check_components(given, 3, 2)
    assert chosen == expected
    assert all(type(component) is int for component in chosen)


def test_fewer_than_the_default():
    assert check_components(None, 3, 64) == [0, 1, 2]


@pytest.mark.parametrize("bad", [[3], [-1], -1, [0.9, 1.9], 1.0, True, [True], [], [[0]], "all"])
def test_anything_else(bad):
    with pytest.raises(ValueError, match=r"components must be ints from 0 to 2\. Got "):
        check_components(bad, 3, 2)
