"""What ONNX's runtime makes of an exported autoencoder is what the autoencoder makes of rows."""

import numpy as np
import onnx
import pytest
from sklearn.base import clone

from skae import SparseAutoencoder
from skae.export import to_onnx

OUTPUTS = {
    "transform": "codes",
    "inverse_transform": "X_original",
    "reconstruct": "X_reconstructed",
}


def test_methods_on_one_row_and_on_a_thousand(call, run, assert_equal):
    estimator, method, rows = call
    model = to_onnx(estimator, method=method)
    onnx.checker.check_model(model, full_check=True)
    for some in rows, rows[:1]:
        got = run(model, X=some)
        assert list(got) == [OUTPUTS[method]]
        assert_equal(got[OUTPUTS[method]], getattr(estimator, method)(some))


def test_truncated(fit, run, assert_equal):
    estimator, X = fit("ordered")
    estimator = estimator.truncate(2)
    assert_equal(run(to_onnx(estimator), X=X)["codes"], estimator.transform(X))


def test_sparse_codes_are_exported_as_dense_ones(fit, run, assert_equal):
    estimator, X = fit("sparse, topk")
    estimator = clone(estimator).set_params(sparse_output=True).fit(X)
    codes = run(to_onnx(estimator), X=X)["codes"]
    assert_equal(codes, estimator.transform(X).toarray())
    assert (codes != 0).sum(axis=1).max() == 4


@pytest.fixture(scope="module")
def pursuit(iris):
    return SparseAutoencoder(6, transform_algorithm="omp", max_iter=1, random_state=0).fit(iris)


@pytest.mark.parametrize("method", ["transform", "reconstruct"])
def test_matching_pursuit_is_refused(pursuit, method):
    with pytest.raises(ValueError, match="Set transform_algorithm='encoder'"):
        to_onnx(pursuit, method=method)


def test_the_decoder_of_matching_pursuit_is_not(pursuit, iris, run, assert_equal):
    codes = pursuit.transform(iris.astype(np.float32))
    model = to_onnx(pursuit, method="inverse_transform")
    assert_equal(run(model, X=codes)["X_original"], pursuit.inverse_transform(codes))
