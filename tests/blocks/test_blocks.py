"""What goes wrong in a block names it, and what is made of blocks is made when it is wanted."""

import dask.array
import dask.dataframe
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skae.blocks import find_blocks

X = np.arange(30.0).reshape(10, 3)


class Breaking:
    """Breaks off before a block."""

    def __init__(self, error):
        self.error = error

    def __iter__(self):
        yield X[:5]
        raise self.error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError("disk is gone"), r"Block 1 of X cannot be used: OSError\('disk is gone'\)"),
        (ValueError("no numbers"), "Block 1 of X cannot be used: no numbers"),
    ],
)
def test_a_source_that_breaks_off(error, message):
    with pytest.raises(ValueError, match=message) as caught:
        list(find_blocks(Breaking(error)).read())
    assert caught.value.__cause__ is error


class Closed:
    """Breaks off before the first block, in ``__iter__`` itself."""

    def __iter__(self):
        raise OSError("no such disk")


def test_a_source_that_does_not_begin():
    with pytest.raises(ValueError, match=r"Block 0 of X cannot be used: OSError\('no such disk'\)"):
        list(find_blocks(Closed()).read())


def test_interruptions_are_none_of_it():
    with pytest.raises(KeyboardInterrupt):
        list(find_blocks(Breaking(KeyboardInterrupt())).read())


def test_blocks_are_mapped_one_by_one():
    seen = []

    def double(block):
        seen.append(len(block))
        return 2 * block

    results = find_blocks([X[:4], X[:0], X[4:]]).map(double, (3,), np.float64)
    assert seen == []
    assert_array_equal(next(results), 2 * X[:4])
    assert seen == [4]
    empty, last = results
    assert empty.shape == (0, 3)
    assert_array_equal(last, 2 * X[4:])


def test_errors_of_a_function_name_the_block():
    results = find_blocks([X, X]).map(lambda block: block @ block, (3,), np.float64)
    with pytest.raises(ValueError, match="Block 0 of X"):
        next(results)


@pytest.mark.parametrize("shape", [(2,), (), (2, 2)])
def test_dask_stays_lazy(shape):
    n_calls = []

    def function(block):
        n_calls.append(1)
        return np.ones((len(block), *shape), np.float32) * np.asarray(block).sum()

    frame = pd.DataFrame(X)
    collections = [
        dask.array.from_array(X, chunks=(4, 2)),
        dask.array.from_array(X[:, :, None], chunks=(4, 2, 1)),
        dask.dataframe.from_pandas(frame, npartitions=3),
    ]
    for collection in collections:
        lazy = find_blocks(collection).map(function, shape, np.float32)
        assert n_calls == []
        assert isinstance(lazy, dask.array.Array)
        assert lazy.dtype == np.float32
        assert lazy.shape[1:] == shape
        result = lazy.compute(scheduler="sync")
        assert result.shape == (10, *shape)
        assert len(n_calls) == 3
        n_calls.clear()
