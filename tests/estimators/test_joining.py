"""Parameters of processes are compared by what is in them."""

import numpy as np
import pytest
from skae.rows._joined_surveys import check_joint, join_classes

from skae.engine import Peers
from skae.rows._problem import Classes


class Recording(Peers):
    """Is the first of two, and remembers what it tells the other one."""

    n_peers = 2
    told = None

    def gather(self, value):
        self.told = value
        return [value, value]


class Answered(Peers):
    """Is the second of two, and is told what the first one has."""

    rank, n_peers = 1, 2

    def __init__(self, told):
        self.told = told

    def gather(self, value):
        return [self.told, value]


class Estimator:
    """Has parameters."""

    def __init__(self, **parameters):
        self.parameters = {"checkpoint": None, "checkpoint_every": 1} | parameters

    def get_params(self, deep):
        return self.parameters


class Thing:
    """Its description is where it lies in memory."""

    def __init__(self, size=1):
        self.size = size


def _compare(first, second, past=(None, None)):
    recording = Recording()
    check_joint(Estimator(**first), recording, past[0])
    check_joint(Estimator(**second), Answered(recording.told), past[1])


LARGE = np.zeros(5000)
CHANGED = np.zeros(5000)
CHANGED[2500] = 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": 1}, {"a": np.int64(1)}),
        ({"a": LARGE}, {"a": LARGE.copy()}),
        ({"a": Thing()}, {"a": Thing()}),
        ({"a": [Thing(2)]}, {"a": [Thing(2)]}),
        ({"a": {"x", "y"}}, {"a": {"y", "x"}}),
        ({"random_state": 0}, {"random_state": 1}),
    ],
)
def test_the_same_content(first, second):
    _compare(first, second)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"a": 2}, {"a": 3}, "process 0 has a=2, and process 1 has a=3.$"),
        ({"a": 2}, {"b": 2}, "process 0 has a=2, and process 1 has a=no such parameter"),
        ({"a": LARGE}, {"a": CHANGED}, "a=array.* These differ in what is not shown.$"),
        ({"a": Thing()}, {"a": Thing(2)}, "process 0 has a=.*Thing"),
    ],
)
def test_other_content(first, second, message):
    with pytest.raises(ValueError, match=message):
        _compare(first, second)


def test_other_pasts():
    _compare({}, {}, (("digest", 3), ("digest", 3)))
    with pytest.raises(ValueError, match="has earlier fits=None, and process 1 has earlier fits=3"):
        _compare({}, {}, (None, 3))


def test_classes_are_those_of_all_processes():
    own = Classes(np.array([3, 5]), np.eye(2))
    joined = join_classes(own, Answered(np.array([4, 5])))
    assert joined.names.tolist() == [3, 4, 5]
    assert joined.values.tolist() == [[1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("told", [np.array(["3", "5"]), np.array(["3", "5"], dtype=object)])
def test_classes_of_two_kinds_are_refused(told):
    own = Classes(np.array([3, 5]), np.eye(2))
    with pytest.raises(ValueError, match="labels of one kind: all numbers, or all strings"):
        join_classes(own, Answered(told))
