"""Wrappers that skl2onnx does not know are taken off."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderCV, AutoencoderTransformer
from skae.export import to_onnx


def test_wrappers_around_steps(small, iris, run, assert_equal):
    X = iris.astype(np.float32)
    estimator = Pipeline(
        [
            ("nothing", "passthrough"),
            ("frozen", FrozenEstimator(StandardScaler().fit(X))),
            ("searched", GridSearchCV(small, {"n_components": [2]}, cv=2)),
            ("nothing more", None),
        ]
    ).fit(X)
    (got,) = run(to_onnx(estimator), X=X).values()
    assert_equal(got, estimator.transform(X))


@pytest.fixture
def search(small):
    """Return a function that makes searches of both kinds."""

    def search(kind, **parameters):
        if kind is GridSearchCV:
            return GridSearchCV(small, {"n_components": [1]}, cv=2, **parameters)
        return AutoencoderCV([1], estimator=small, cv=2, **parameters)

    return search


def test_what_a_search_has_found(search, iris, run, assert_equal):
    fitted, X = search(AutoencoderCV).fit(iris), iris.astype(np.float32)
    assert_equal(run(to_onnx(fitted), X=X)["codes"], fitted.transform(X))


@pytest.mark.parametrize("kind", [AutoencoderCV, GridSearchCV])
def test_searches_without_a_last_fit(kind, search, iris):
    fitted = search(kind, refit=False).fit(iris)
    with pytest.raises(ValueError, match="refit=False"):
        to_onnx(fitted)


class Doubled(AutoencoderTransformer):
    """Does something else than its base."""

    def transform(self, X):
        return 2 * super().transform(X)


@pytest.mark.parametrize("method", ["transform", "reconstruct"])
@pytest.mark.parametrize("place", ["alone", "frozen", "a step"])
def test_subclasses_are_not_taken_for_their_base(iris, method, place):
    fitted = Doubled(2, max_iter=0).fit(iris)
    estimator = {
        "alone": fitted,
        "frozen": FrozenEstimator(fitted),
        "a step": make_pipeline(StandardScaler(), Doubled(2, max_iter=0)).fit(iris),
    }[place]
    with pytest.raises(TypeError, match="Doubled is a subclass of one of AutoencoderTransformer"):
        to_onnx(estimator, method=method)
