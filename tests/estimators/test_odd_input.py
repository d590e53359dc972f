"""Anything may be given as X: it is refused with ValueError or TypeError, or results are finite."""

import datetime
import decimal
import fractions

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer

GOOD = np.random.default_rng(0).normal(size=(20, 4))
FRAME = pd.DataFrame(GOOD, columns=list("abcd"))
POLARS = pl.DataFrame(GOOD)
TENSOR = torch.from_numpy(GOOD)
A_COLUMN = pl.col("column_0")


def _with(value, dtype=None):
    X = GOOD.copy() if dtype is None else GOOD.astype(dtype)
    X[3, 2] = value
    return X


CASES = {
    # what numpy has beyond numbers
    "masked": np.ma.masked_array(GOOD, mask=GOOD > 2),
    "nothing masked": np.ma.masked_array(GOOD, mask=False),
    "dates": np.full((20, 4), np.datetime64("2020-01-01")),
    "durations": np.full((20, 4), np.timedelta64(3, "D")),
    "bytes": np.full((20, 4), b"a"),
    "numbers as text": GOOD.astype(str),
    "records": np.zeros(20, dtype=[("a", float), ("b", float)]),
    "void": np.zeros((20, 4), "V8"),
    "extended precision": GOOD.astype(np.longdouble),
    "beyond float64": GOOD.astype(np.longdouble) * np.longdouble("1e300"),
    "largest int64": np.full((20, 4), 2**63 - 1),
    "largest uint64": np.full((20, 4), 2**64 - 1, np.uint64),
    "complex": GOOD + 0j,
    # objects
    "object None": _with(None, object),
    "object text": _with("a", object),
    "object number as text": _with("1.5", object),
    "object list": _with([1], object),
    "object complex": _with(1j, object),
    "object date": _with(datetime.datetime(2020, 1, 1), object),
    "object Decimal": _with(decimal.Decimal("1.5"), object),
    "object Fraction": _with(fractions.Fraction(1, 3), object),
    "object huge int": _with(10**30, object),
    "object int beyond float64": _with(10**400, object),
    "object NA": _with(pd.NA, object),
    # memory
    "read only": np.lib.stride_tricks.as_strided(GOOD, writeable=False),
    "memoryview": memoryview(GOOD),
    "one row many times": np.broadcast_to(GOOD[:1], (20, 4)),
    "one column many times": np.broadcast_to(GOOD[:, :1], (20, 4)),
    "every other row backwards": GOOD[::-2],
    # scales
    "negative zeros": -0.0 * np.abs(GOOD),
    "largest float32": _with(np.finfo(np.float32).max),
    "largest float64": _with(np.finfo(np.float64).max),
    "one tiny value": _with(1e-300),
    "denormal float32": (GOOD * 1e-40).astype(np.float32),
    "differences beyond float32": GOOD * 1e-20 + 1,
    # frames
    "frame": FRAME,
    "frame nullable": FRAME.astype("Float64"),
    "frame NA": FRAME.astype("Float64").mask(FRAME > 1.5),
    "frame NaN": FRAME.mask(FRAME > 1.5),
    "frame int8": (FRAME * 10).astype("int8"),
    "frame booleans": FRAME > 0,
    "frame categories": FRAME.assign(c=pd.Categorical(["x"] * 20)),
    "frame text": FRAME.assign(c="x"),
    "frame dates": FRAME.assign(c=pd.Timestamp("2020")),
    "frame sparse": FRAME.astype(pd.SparseDtype(float)),
    "frame pyarrow": FRAME.astype("float64[pyarrow]"),
    "frame pyarrow null": FRAME.astype("float64[pyarrow]").mask(FRAME > 1.5),
    "frame numbered columns": pd.DataFrame(GOOD),
    "frame mixed column names": pd.DataFrame(GOOD, columns=["a", 1, "b", 2]),
    "frame same column names": pd.DataFrame(GOOD, columns=list("aabb")),
    "series": FRAME["a"],
    "polars": POLARS,
    "polars null": POLARS.with_columns(pl.when(A_COLUMN < 1).then(A_COLUMN)),
    "polars text": POLARS.with_columns(pl.lit("x").alias("column_0")),
    "polars lazy": POLARS.lazy(),
    # tensors
    "tensor": TENSOR,
    "tensor with gradients": TENSOR.clone().requires_grad_(),
    "tensor float32": TENSOR.float(),
    "tensor bfloat16": TENSOR.bfloat16(),
    "tensor int": torch.ones(20, 4, dtype=torch.int64),
    "tensor complex": TENSOR.to(torch.complex64),
    "tensor sparse": TENSOR.to_sparse(),
    "tensor transposed": torch.from_numpy(GOOD.T.copy()).T,
    "tensor on another device": TENSOR.to("meta"),
    "list of tensors": list(TENSOR),
    "list of tensors with gradients": list(TENSOR.clone().requires_grad_()),
    # no arrays at all
    "generator": (row for row in GOOD),
    "set": {1, 2},
    "dict": {"a": [1, 2]},
    "text": "X",
    "range": range(4),
    "rows of other lengths": [[1, 2], [3]],
    "four dimensions": GOOD.reshape(5, 2, 2, 4),
    "empty list": [],
    "list of dicts": [{"a": 1}],
    "a class": np.ndarray,
    "a function": np.mean,
}
ESTIMATORS = [
    AutoencoderTransformer(2),
    AutoencoderTransformer(2, ordered=True),
    VAETransformer(2),
    SparseAutoencoder(6),
    ConvAutoencoder(2),
]
METHODS = ("transform", "inverse_transform", "reconstruct", "score_samples", "score")
# feature names that are there in fit only, or after it only, are warned of
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning"),
    # scikit-learn 1.6 looks at them
    pytest.mark.filterwarnings("ignore:Determining the data types of a LazyFrame"),
]


def test_there_are_at_least_sixty_cases():
    assert len(CASES) >= 60


def _check(call):
    """Have a call refused, or its results finite."""
    try:
        results = call()
    except (ValueError, TypeError):
        return
    for result in results:
        assert np.isfinite(np.asarray(result, dtype=float)).all()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("case", CASES)
def test_fit(case, estimator):
    X = CASES[case]

    def fit():
        fitted = clone(estimator).set_params(max_iter=1, random_state=0).fit(X)
        codes = fitted.transform(X)
        yield codes
        yield fitted.inverse_transform(codes)
        yield fitted.reconstruct(X)
        yield fitted.score_samples(X)
        yield fitted.score(X)
        yield fitted.sample(3)

    _check(lambda: list(fit()))


@pytest.fixture(scope="module", params=ESTIMATORS, ids=repr)
def fitted(request):
    return clone(request.param).set_params(max_iter=1, random_state=0).fit(GOOD)


@pytest.mark.parametrize("case", CASES)
def test_after_fit(case, fitted, record_property):
    record_property("tries", len(METHODS))
    for method in METHODS:
        _check(lambda method=method: [getattr(fitted, method)(CASES[case])])


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    "case",
    ["tensor", "tensor with gradients", "frame", "frame nullable", "frame pyarrow", "polars"],
)
def test_what_holds_the_same_numbers_gives_the_same_results(case, estimator):
    expected = clone(estimator).set_params(max_iter=1, random_state=0).fit_transform(GOOD)
    codes = clone(estimator).set_params(max_iter=1, random_state=0).fit_transform(CASES[case])
    # sums over columns in another order round otherwise
    np.testing.assert_allclose(codes, expected, rtol=1e-5, atol=1e-6)
