"""Digests: the same for the same content, another one for any other."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import Ridge

from skae.fitting._digests import digest_of


class Thing:
    """Has no description of its own."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Bare:
    """Has neither a description nor attributes."""


LARGE = np.arange(5000.0)
CHANGED = LARGE.copy()
CHANGED[2500] = -1
NAN = float("nan")
KINDS = {
    "None": lambda: None,
    "int": lambda: 3,
    "float": lambda: 0.1,
    "text": lambda: "3",
    "nan": lambda: NAN,
    "list": lambda: [1, [2, 3]],
    "another list": lambda: [1, 2, 3],
    "dict": lambda: {"a": 1, "b": 2},
    "set": lambda: {"a", "b", "c"},
    "array": LARGE.copy,
    "array that looks the same": CHANGED.copy,
    "single precision": lambda: LARGE.astype(np.float32),
    "two dimensions": lambda: LARGE.reshape(50, 100),
    "zeros": lambda: np.zeros(0),
    "objects": lambda: np.array(["a", None, 3], dtype=object),
    "one object": lambda: np.array(None, dtype=object),
    "tensor": lambda: torch.arange(5.0, requires_grad=True),
    "half precision": lambda: torch.ones(5).bfloat16(),
    "frame": lambda: pd.DataFrame({"a": LARGE}),
    "another frame": lambda: pd.DataFrame({"a": CHANGED}),
    "sparse": lambda: sparse.csr_array(np.diag(LARGE[:50])),
    "another sparse": lambda: sparse.csr_array(np.diag(CHANGED[:50] + 1)),
    "thing": lambda: Thing(a=1, b=LARGE.copy()),
    "another thing": lambda: Thing(a=1, b=CHANGED.copy()),
    "bare thing": Bare,
    "class": lambda: Thing,
    "function": lambda: digest_of,
    "estimator": lambda: Ridge(alpha=2.0),
    "another estimator": lambda: Ridge(alpha=3.0),
    "network": lambda: _network(0.0),
    "another network": lambda: _network(1.0),
}


def _network(value):
    network = torch.nn.Linear(2, 3)
    torch.nn.init.constant_(network.weight, value)
    torch.nn.init.zeros_(network.bias)
    return network


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_the_same_for_the_same_content(make):
    first, second = make(), make()
    assert digest_of(first) == digest_of(second)
    assert digest_of([first, {"a": second}]) == digest_of([second, {"a": first}])


def test_different_for_different_content():
    digests = {name: digest_of(make()) for name, make in KINDS.items()}
    assert not [pair for pair in combinations(digests, 2) if digests[pair[0]] == digests[pair[1]]]


def test_in_any_order_and_layout():
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    matrix = LARGE.reshape(50, 100)
    assert digest_of(matrix) == digest_of(np.asfortranarray(matrix))
    assert digest_of(np.int64(3)) == digest_of(3)
    assert digest_of((8, 4)) == digest_of([8, 4])


def test_what_holds_itself_has_an_end():
    things = [Thing(a=1) for _ in range(2)]
    for thing in things:
        thing.itself = thing
    assert digest_of(things[0]) == digest_of(things[1])


def test_the_same_in_another_process():
    code = (
        "import numpy as np\n"
        "from skae.fitting._digests import digest_of\n"
        "print(digest_of([{'x', 'y', 'z'}, object(), print, np.arange(5000.0)]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.strip() == digest_of([{"z", "y", "x"}, object(), print, LARGE])
