"""Tensors in, tensors out, where scikit-learn's array API dispatch is on."""

import pickle

import array_api_strict
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from torch import Tensor

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)
from skae.metrics import reconstruction_r2_scorer
from skae.persistence import load, save

ESTIMATORS = [
    AutoencoderTransformer(3),
    AutoencoderTransformer(3, ordered=True),
    VAETransformer(3),
    VAETransformer(3, conditional=True),
    SparseAutoencoder(12, n_nonzero=2),
    ConvAutoencoder(3, image_shape=(1, 8, 8)),
    AutoencoderCV([1, 3], cv=2, estimator=AutoencoderTransformer(max_iter=2, random_state=0)),
]
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
over_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
METHODS = ["transform", "reconstruct", "score_samples", "score", "posterior", "sample_posterior"]
METHODS += ["feature_maps", "describe_components"]
ATTRIBUTES = ["mean_", "components_", "intercept_", "dead_components_", "kl_per_component_"]
ATTRIBUTES += ["explained_variance_ratio_"]


def _prepared(estimator):
    estimator = clone(estimator)
    if not isinstance(estimator, AutoencoderCV):
        estimator.set_params(max_iter=2, random_state=0)
    return estimator


def _assert_same(result, expected):
    if isinstance(expected, tuple):
        for one, other in zip(result, expected, strict=True):
            _assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        assert isinstance(result, Tensor)
        assert str(result.dtype) == f"torch.{expected.dtype}"
        assert_array_equal(result.numpy(), expected)
    elif isinstance(expected, dict):
        for name, column in expected.items():
            assert_array_equal(result[name], column)
    else:
        assert result == expected


@pytest.mark.thinned(1)
@over_dtypes
@over_estimators
def test_tensors_in_tensors_out(digits, estimator, dtype):
    X, y = digits[:100].astype(dtype), np.arange(100) % 2
    plain = _prepared(estimator).fit(X, y)
    with config_context(array_api_dispatch=True):
        tensors = torch.from_numpy(X)
        fitted = _prepared(estimator).fit(tensors, torch.from_numpy(y))
        for name in METHODS:
            if hasattr(plain, name):
                parameters = {"random_state": 0} if name == "sample_posterior" else {}
                expected = getattr(plain, name)(X, **parameters)
                _assert_same(getattr(fitted, name)(tensors, **parameters), expected)
        decoded = fitted.inverse_transform(fitted.transform(X=tensors))
        _assert_same(decoded, plain.inverse_transform(plain.transform(X)))
        _assert_same(fitted.sample(3, random_state=0), plain.sample(3, random_state=0))
        for name in ATTRIBUTES:
            if hasattr(plain, name):
                _assert_same(getattr(fitted, name), getattr(plain, name))


@over_estimators
def test_arrays_from_elsewhere_are_refused(digits, estimator):
    X, y = digits[:100], np.arange(100) % 2
    with config_context(array_api_dispatch=True):
        fitted = _prepared(estimator).fit(torch.from_numpy(X), y)
        for other in (X, array_api_strict.asarray(X)):
            with pytest.raises(ValueError, match="must use the same namespace"):
                fitted.transform(other)
        fitted = _prepared(estimator).fit(X, y)
        with pytest.raises(ValueError, match=r"Got torch on cpu, and fit\(\) had numpy"):
            fitted.reconstruct(torch.from_numpy(X))


@over_estimators
def test_without_dispatch_results_are_arrays(digits, estimator):
    fitted = _prepared(estimator).fit(torch.from_numpy(digits[:100]), np.arange(100) % 2)
    assert isinstance(fitted.transform(torch.from_numpy(digits[:100])), np.ndarray)


def _pickled(fitted, path):
    return pickle.loads(pickle.dumps(fitted))


def _saved(fitted, path):
    save(fitted, path)
    return load(path)


@pytest.mark.thinned(1)
@pytest.mark.parametrize("round_trip", [_pickled, _saved])
@pytest.mark.parametrize("estimator", ESTIMATORS[:-1], ids=repr)
def test_files_keep_the_library(digits, tmp_path, estimator, round_trip):
    X = torch.from_numpy(digits[:100])
    with config_context(array_api_dispatch=True):
        fitted = _prepared(estimator).fit(X, torch.arange(100) % 2)
        again = round_trip(fitted, tmp_path / "file")
        _assert_same(again.transform(X), fitted.transform(X).numpy())
        _assert_same(again.mean_, fitted.mean_.numpy())


def test_tensors_with_gradients(digits):
    X = torch.from_numpy(digits[:100]).requires_grad_()
    with config_context(array_api_dispatch=True):
        codes = _prepared(ESTIMATORS[0]).fit_transform(X)
    assert isinstance(codes, Tensor)
    assert not codes.requires_grad


def test_classes_by_name(digits):
    X, y = torch.from_numpy(digits[:100]), np.array(["even", "odd"] * 50)
    with config_context(array_api_dispatch=True):
        fitted = _prepared(VAETransformer(2, conditional=True)).fit(X, y)
        assert isinstance(fitted.sample(2, y="odd", random_state=0), Tensor)
        assert list(fitted.classes_) == ["even", "odd"]
        assert fitted.score_samples(X, y).shape == (100,)


def test_pipelines_and_searches(digits):
    X = torch.from_numpy(digits[:120] + np.random.RandomState(0).rand(120, 64))
    pipeline = make_pipeline(MinMaxScaler(), _prepared(ESTIMATORS[0]))
    grid = {"autoencodertransformer__n_components": [1, 3]}
    scores = {}
    for is_on, rows in ((True, X), (False, X.numpy())):
        with config_context(array_api_dispatch=is_on):
            search = GridSearchCV(pipeline, grid, scoring=reconstruction_r2_scorer, cv=2).fit(rows)
            scores[is_on] = search.cv_results_["mean_test_score"]
            assert isinstance(search.transform(rows), Tensor if is_on else np.ndarray)
    np.testing.assert_allclose(scores[True], scores[False], rtol=1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS[:-1], ids=repr)
def test_other_libraries(digits, estimator):
    """As strict as can be: nothing but the array API."""
    X, y = digits[:60], np.arange(60) % 2
    plain = _prepared(estimator).fit(X, y)
    with config_context(array_api_dispatch=True):
        fitted = _prepared(estimator).fit(array_api_strict.asarray(X), y)
        for name in ("transform", "reconstruct", "score_samples"):
            result = getattr(fitted, name)(array_api_strict.asarray(X))
            assert_array_equal(np.asarray(result), getattr(plain, name)(X))
        drawn = fitted.sample(np.int64(3), random_state=0)
        assert_array_equal(np.asarray(drawn), plain.sample(3, random_state=0))
        if getattr(fitted, "classes_", None) is not None:
            assert_array_equal(
                np.asarray(fitted.reconstruct(array_api_strict.asarray(X), y)),
                plain.reconstruct(X, y),
            )


def test_sparse_codes_of_tensors(digits):
    X = torch.from_numpy(digits[:60])
    with config_context(array_api_dispatch=True):
        coder = SparseAutoencoder(8, n_nonzero=2, max_iter=1, random_state=0, sparse_output=True)
        codes = coder.fit_transform(X)
        assert codes.format == "csr"
        assert isinstance(coder.inverse_transform(codes), Tensor)


def test_arguments_that_are_no_rows(digits):
    with config_context(array_api_dispatch=True):
        vae = _prepared(VAETransformer(3)).fit(torch.from_numpy(digits[:60]))
        assert vae.traverse(np.array([0, 1])).shape == (5, 5, 64)


def test_half_precision(digits):
    X = torch.from_numpy(digits[:60]).to(torch.bfloat16)
    fitted = _prepared(ESTIMATORS[0]).fit(X)
    assert_array_equal(fitted.transform(X), fitted.transform(X.float()))
