"""Parameters of processes are compared by what is in them."""

import numpy as np
import pytest

from skae.engine import Peers
from skae.fitting._processes import check_joint


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
