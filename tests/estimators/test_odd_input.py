"""What may be given as X: it is refused, or gives the results of a plain array of its numbers."""

import datetime
import decimal
import fractions

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

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


REFUSED = None


def _as_scikit_learn(X, numbers):
    """Return the numbers if this release of scikit-learn takes X, else that it is refused."""
    try:
        StandardScaler().fit(X)
    except (ValueError, TypeError):
        return REFUSED
    return numbers


SAME_NAMES = pd.DataFrame(GOOD, columns=list("aabb"))
# what is given, and the numbers it stands for
CASES = {
    # what numpy has beyond numbers
    "masked": (np.ma.masked_array(GOOD, mask=GOOD > 2), GOOD),
    "nothing masked": (np.ma.masked_array(GOOD, mask=False), GOOD),
    "dates": (np.full((20, 4), np.datetime64("2020-01-01")), np.full((20, 4), 18262)),
    "durations": (np.full((20, 4), np.timedelta64(3, "D")), np.full((20, 4), 3)),
    "bytes": (np.full((20, 4), b"a"), REFUSED),
    "numbers as text": (GOOD.astype(str), GOOD),
    "records": (np.zeros(20, dtype=[("a", float), ("b", float)]), REFUSED),
    "void": (np.zeros((20, 4), "V8"), REFUSED),
    "extended precision": (GOOD.astype(np.longdouble), GOOD),
    "beyond float64": (GOOD.astype(np.longdouble) * np.longdouble("1e300"), REFUSED),
    "largest int64": (np.full((20, 4), 2**63 - 1), np.full((20, 4), 2.0**63)),
    "largest uint64": (np.full((20, 4), 2**64 - 1, np.uint64), np.full((20, 4), 2.0**64)),
    "complex": (GOOD + 0j, REFUSED),
    # objects
    "object None": (_with(None, object), REFUSED),
    "object text": (_with("a", object), REFUSED),
    "object number as text": (_with("1.5", object), _with(1.5)),
    "object list": (_with([1], object), REFUSED),
    "object complex": (_with(1j, object), REFUSED),
    "object date": (_with(datetime.datetime(2020, 1, 1), object), REFUSED),
    "object Decimal": (_with(decimal.Decimal("1.5"), object), _with(1.5)),
    "object Fraction": (_with(fractions.Fraction(1, 3), object), _with(1 / 3)),
    "object huge int": (_with(10**30, object), _with(1e30)),
    "object int beyond float64": (_with(10**400, object), REFUSED),
    "object NA": (_with(pd.NA, object), REFUSED),
    # memory
    "read only": (np.lib.stride_tricks.as_strided(GOOD, writeable=False), GOOD),
    "memoryview": (memoryview(GOOD), GOOD),
    "one row many times": (np.broadcast_to(GOOD[:1], (20, 4)), np.repeat(GOOD[:1], 20, axis=0)),
    "one column many times": (
        np.broadcast_to(GOOD[:, :1], (20, 4)),
        np.repeat(GOOD[:, :1], 4, axis=1),
    ),
    "every other row backwards": (GOOD[::-2], GOOD[::-2].copy()),
    # scales
    "negative zeros": (-0.0 * np.abs(GOOD), np.zeros((20, 4))),
    "largest float32": (_with(np.finfo(np.float32).max), _with(3.4028234663852886e38)),
    "largest float64": (_with(np.finfo(np.float64).max), REFUSED),
    "one tiny value": (_with(1e-300), _with(0.0)),
    "denormal float32": (
        (GOOD * 1e-40).astype(np.float32),
        (GOOD * 1e-40).astype(np.float32).astype(float),
    ),
    "differences beyond float32": (GOOD * 1e-20 + 1, np.ones((20, 4))),
    # frames
    "frame": (FRAME, GOOD),
    "frame nullable": (FRAME.astype("Float64"), GOOD),
    "frame NA": (FRAME.astype("Float64").mask(FRAME > 1.5), REFUSED),
    "frame NaN": (FRAME.mask(FRAME > 1.5), REFUSED),
    "frame int8": ((FRAME * 10).astype("int8"), np.trunc(10 * GOOD)),
    "frame booleans": (FRAME > 0, (GOOD > 0).astype(float)),
    "frame categories": (FRAME.assign(c=pd.Categorical(["x"] * 20)), REFUSED),
    "frame text": (FRAME.assign(c="x"), REFUSED),
    "frame dates": (FRAME.assign(c=pd.Timestamp("2020")), REFUSED),
    "frame sparse": (FRAME.astype(pd.SparseDtype(float)), REFUSED),
    "frame pyarrow": (FRAME.astype("float64[pyarrow]"), GOOD),
    "frame pyarrow null": (FRAME.astype("float64[pyarrow]").mask(FRAME > 1.5), REFUSED),
    "frame numbered columns": (pd.DataFrame(GOOD), GOOD),
    "frame mixed column names": (pd.DataFrame(GOOD, columns=["a", 1, "b", 2]), REFUSED),
    # newer releases of scikit-learn refuse them
    "frame same column names": (SAME_NAMES, _as_scikit_learn(SAME_NAMES, GOOD)),
    "series": (FRAME["a"], REFUSED),
    "polars": (POLARS, GOOD),
    "polars null": (POLARS.with_columns(pl.when(A_COLUMN < 1).then(A_COLUMN)), REFUSED),
    "polars text": (POLARS.with_columns(pl.lit("x").alias("column_0")), REFUSED),
    "polars lazy": (POLARS.lazy(), REFUSED),
    # tensors
    "tensor": (TENSOR, GOOD),
    "tensor with gradients": (TENSOR.clone().requires_grad_(), GOOD),
    "tensor float32": (TENSOR.float(), GOOD.astype(np.float32)),
    "tensor bfloat16": (TENSOR.bfloat16(), TENSOR.bfloat16().double().numpy()),
    "tensor int": (torch.ones(20, 4, dtype=torch.int64), np.ones((20, 4))),
    "tensor complex": (TENSOR.to(torch.complex64), REFUSED),
    "tensor sparse": (TENSOR.to_sparse(), REFUSED),
    "tensor transposed": (torch.from_numpy(GOOD.T.copy()).T, GOOD),
    "tensor on another device": (TENSOR.to("meta"), REFUSED),
    "list of tensors": (list(TENSOR), GOOD),
    "list of tensors with gradients": (list(TENSOR.clone().requires_grad_()), REFUSED),
    # no arrays at all
    "generator": ((row for row in GOOD), REFUSED),
    "set": ({1, 2}, REFUSED),
    "dict": ({"a": [1, 2]}, REFUSED),
    "text": ("X", REFUSED),
    "range": (range(4), REFUSED),
    "rows of other lengths": ([[1, 2], [3]], REFUSED),
    "four dimensions": (GOOD.reshape(5, 2, 2, 4), REFUSED),
    "empty list": ([], REFUSED),
    "list of dicts": ([{"a": 1}], REFUSED),
    "a class": (np.ndarray, REFUSED),
    "a function": (np.mean, REFUSED),
}
# as wide a code as the data, so that all of them may be codes as well
WIDE = AutoencoderTransformer(4, corruption="masking")
# rows of these are refused, but codes have no largest value and no names
TAKEN_AS_CODES = {"beyond float64": GOOD * 1e300, "frame mixed column names": GOOD}
OTHERS = [
    AutoencoderTransformer(2, ordered=True),
    VAETransformer(2),
    SparseAutoencoder(6),
    ConvAutoencoder(2),
]
FEW = (
    "masked", "numbers as text", "object None", "object Fraction", "read only", "frame NaN",
    "polars", "tensor with gradients", "list of tensors", "rows of other lengths",
)  # fmt: skip
METHODS = ("transform", "reconstruct", "score_samples")
# feature names that are there in fit only, or after it only, are warned of
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names, but:UserWarning"),
    # scikit-learn 1.6 looks at them
    pytest.mark.filterwarnings("ignore:Determining the data types of a LazyFrame"),
]


def _assert_same(found, wanted, unit):
    """Compare to the last digits of float32."""
    found, wanted = (np.asarray(values, dtype=float) for values in (found, wanted))
    unit = max(unit, np.abs(wanted).max())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * unit)


def _fit(estimator, X):
    return clone(estimator).set_params(max_iter=1, random_state=0).fit(X)


def _check_fit(estimator, X, wanted):
    if wanted is REFUSED:
        with pytest.raises((ValueError, TypeError)):
            _fit(estimator, X)
        return
    fitted, expected = _fit(estimator, X), _fit(estimator, wanted)
    _assert_same(fitted.transform(wanted), expected.transform(wanted), 0)
    _assert_same(fitted.reconstruct(wanted), expected.reconstruct(wanted), 0)


def _check_method(fitted, method, X, wanted):
    call = getattr(fitted, method)
    if wanted is REFUSED:
        with pytest.raises((ValueError, TypeError)):
            call(X)
    else:
        _assert_same(call(X), call(wanted), 1)


@pytest.mark.parametrize("case", CASES)
def test_fit(case):
    _check_fit(WIDE, *CASES[case])


@pytest.fixture(scope="module")
def wide():
    return _fit(WIDE, GOOD)


@pytest.mark.parametrize("case", CASES)
def test_after_fit(case, wide):
    X, wanted = CASES[case]
    for method in METHODS:
        _check_method(wide, method, X, wanted)
    _check_method(wide, "inverse_transform", X, TAKEN_AS_CODES.get(case, wanted))


@pytest.mark.parametrize("estimator", OTHERS, ids=repr)
def test_others_take_and_refuse_the_same(estimator):
    fitted = _fit(estimator, GOOD)
    for case in FEW:
        _check_fit(estimator, *CASES[case])
        for method in (*METHODS, "score"):
            _check_method(fitted, method, *CASES[case])


@pytest.mark.parametrize("estimator", OTHERS, ids=repr)
def test_rows_of_more_dimensions_are_for_images_alone(estimator):
    X, refused = CASES["four dimensions"]
    is_for_images = isinstance(estimator, ConvAutoencoder)
    _check_fit(estimator, X, X.copy() if is_for_images else refused)
