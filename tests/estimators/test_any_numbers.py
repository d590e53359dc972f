"""Whatever numbers X holds: it is refused with ValueError, or all results are finite.

SKAE_EXAMPLES sets how many arrays are tried for each estimator; 100 by default.
"""

import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer

N_EXAMPLES = int(os.environ.get("SKAE_EXAMPLES", "100"))
ESTIMATORS = [
    AutoencoderTransformer(2, hidden_layer_sizes=(4,)),
    AutoencoderTransformer(2, hidden_layer_sizes=(4,), ordered=True),
    VAETransformer(2, hidden_layer_sizes=(4,)),
    SparseAutoencoder(5),
    ConvAutoencoder(2, hidden_channels=(2,)),
]


def _numbers(dtype):
    """Return a strategy of numbers of a dtype, the ends of its range among them."""
    if dtype.kind == "f":
        finite = st.floats(width=8 * dtype.itemsize, allow_nan=False, allow_infinity=False)
        usual = st.floats(-100, 100, width=8 * dtype.itemsize)
        return st.one_of(usual, usual, usual, finite, st.floats(width=8 * dtype.itemsize))
    information = np.iinfo(dtype)
    return st.one_of(st.integers(0, 9), st.integers(int(information.min), int(information.max)))


def _tables(shapes):
    dtypes = st.sampled_from([np.dtype(t) for t in ("f2", "f4", "f8", ">f8", "i1", "u8", "i8")])
    return dtypes.flatmap(lambda dtype: arrays(dtype, shapes, elements=_numbers(dtype)))


def _results(estimator, X, Y):
    """Yield what an estimator that is fitted to X gives for X and Y."""
    fitted = clone(estimator).set_params(max_iter=2, random_state=0).fit(X)
    yield fitted.loss_curve_
    yield fitted.sample(2, random_state=0)
    for rows in (X, Y):
        codes = fitted.transform(rows)
        yield codes
        yield fitted.inverse_transform(codes)
        yield fitted.reconstruct(rows)
        yield fitted.score_samples(rows)
        yield fitted.score(rows)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_results_are_finite_or_x_is_refused(estimator, record_property):
    record_property("tries", N_EXAMPLES)
    n_finite = 0

    @settings(
        max_examples=N_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_tables(array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)))
    def check(X):
        nonlocal n_finite
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                for result in _results(estimator, X, X[::-1]):
                    assert np.isfinite(result).all()
        except ValueError:
            return
        n_finite += 1

    check()
    # most are not refused
    assert n_finite > N_EXAMPLES / 4
