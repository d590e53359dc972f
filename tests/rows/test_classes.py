"""Classes are those of all processes."""

import numpy as np
import pytest

from skae.engine import ALONE, Peers
from skae.rows._classes import find_classes, join_classes


class Answered(Peers):
    """Is the second of two, and is told what the first one has."""

    rank, n_peers = 1, 2

    def __init__(self, told):
        self.told = told

    def gather(self, value):
        return [self.told, value]


def test_classes_are_those_of_all_processes():
    own = np.array([3, 5])
    joined = join_classes(own, Answered(np.array([4, 5])))
    assert joined.tolist() == [3, 4, 5]
    assert find_classes(joined, own).tolist() == [0, 2]


def test_one_process_alone_has_its_own():
    own = np.array([3, 5])
    assert join_classes(own, ALONE) is own


@pytest.mark.parametrize("told", [np.array(["3", "5"]), np.array(["3", "5"], dtype=object)])
def test_classes_of_two_kinds_are_refused(told):
    with pytest.raises(ValueError, match="labels of one kind: all numbers, or all strings"):
        join_classes(np.array([3, 5]), Answered(told))
