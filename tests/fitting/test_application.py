"""Arrays become the tensors of a network."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from torch import Generator, nn

from skae.fitting._application import as_tensor
from skae.networks import Dense


def _network():
    return Dense((4, 2), nn.SiLU, Generator())


def test_no_copy_where_none_is_needed():
    X = np.ones((3, 4))
    assert np.shares_memory(as_tensor(X, _network()).numpy(), X)


@pytest.mark.parametrize("kind", ["reversed", "read-only", "columns"])
def test_arrays_that_torch_cannot_share(kind):
    X = np.arange(12.0).reshape(3, 4)
    if kind == "read-only":
        X.flags.writeable = False
    else:
        X = X[::-1] if kind == "reversed" else np.asfortranarray(X)
    tensor = as_tensor(X, _network())
    assert_array_equal(tensor.numpy(), X)
    assert not np.shares_memory(tensor.numpy(), X)
