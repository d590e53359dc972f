"""Rows drawn from whole Pipelines."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

import skae
from skae import AutoencoderCV, AutoencoderTransformer, ConvAutoencoder, VAETransformer, sample
from skae._pipelines import steps_of

QUICK = AutoencoderTransformer(2, max_iter=2, random_state=0)
SOURCES = {
    "autoencoder": [QUICK],
    "variational": [VAETransformer(2, max_iter=2, random_state=0)],
    "mixture": [GaussianMixture(3, random_state=0)],
    "kernels": [KernelDensity(bandwidth=0.1)],
    "mixture of codes": [QUICK, GaussianMixture(3, random_state=0)],
    "before a classifier": [QUICK, LogisticRegression()],
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("reducer", [PCA(3), "passthrough"], ids=str)
def test_rows_have_the_units_of_the_data(iris, name, reducer):
    X = iris * [1, 10, 100, 1000] + 5
    y = np.repeat([0, 1, 2], 50)
    pipeline = make_pipeline(StandardScaler(), reducer, *SOURCES[name]).fit(X, y)
    rows = sample(pipeline, 4000, random_state=0)
    assert rows.shape == (4000, 4)
    assert_allclose(rows.mean(axis=0), X.mean(axis=0), atol=0.15 * X.std(axis=0).max(), rtol=0.05)
    spread = rows.std(axis=0) / X.std(axis=0)
    assert (spread > 0.7).all()
    assert (spread < 1.3).all()


@pytest.mark.parametrize("name", SOURCES)
def test_seeds(iris, name):
    pipeline = make_pipeline(PCA(3), *SOURCES[name]).fit(iris, np.repeat([0, 1, 2], 50))
    before = check_random_state(None).get_state()[1].copy()
    first = sample(pipeline, 20, random_state=0)
    assert_array_equal(sample(pipeline, 20, random_state=0), first)
    assert_array_equal(sample(pipeline, 20, np.random.RandomState(0)), first)
    assert (sample(pipeline, 20, random_state=1) != first).any()
    assert_array_equal(check_random_state(None).get_state()[1], before)


def test_an_estimator_draws_as_by_its_own_method(iris):
    fitted = QUICK.fit(iris)
    assert_array_equal(sample(fitted, 7, random_state=3), fitted.sample(7, random_state=3))
    pipeline = make_pipeline(StandardScaler(), QUICK).fit(iris)
    expected = pipeline[0].inverse_transform(pipeline[1].sample(7, random_state=3))
    assert_array_equal(sample(pipeline, 7, random_state=3), expected)
    assert sample(fitted).shape == (1, 4)


def test_draws_of_a_mixture_are_in_random_order():
    X = np.repeat([[-9.0], [9.0]], 100, axis=0) + np.random.default_rng(0).normal(size=(200, 1))
    mixture = GaussianMixture(2, random_state=0).fit(X)
    signs = np.sign(sample(mixture, 200, random_state=0)[:, 0])
    # sorted by component, there would be one change of sign
    assert (np.diff(signs) != 0).sum() > 50
    assert mixture.random_state == 0


def test_searches_and_pipelines_in_pipelines(iris):
    inner = make_pipeline(PCA(3), QUICK)
    outer = Pipeline([("scale", StandardScaler()), ("nothing", None), ("inner", inner)]).fit(iris)
    assert [type(step).__name__ for step in steps_of(outer)] == [
        "StandardScaler",
        "PCA",
        "AutoencoderTransformer",
    ]
    assert sample(outer, 3).shape == (3, 4)
    grid = GridSearchCV(make_pipeline(StandardScaler(), QUICK), {}, cv=2).fit(iris)
    assert sample(grid, 3).shape == (3, 4)
    chosen = AutoencoderCV([1, 2], estimator=QUICK, cv=2)
    assert sample(make_pipeline(StandardScaler(), chosen).fit(iris), 3).shape == (3, 4)


def test_frozen_estimators_are_opened(iris):
    pipeline = make_pipeline(StandardScaler(), QUICK).fit(iris)
    grid = GridSearchCV(QUICK, {}, cv=2).fit(iris)
    for frozen in (FrozenEstimator(pipeline), FrozenEstimator(FrozenEstimator(grid))):
        assert isinstance(steps_of(frozen)[-1], AutoencoderTransformer)
        assert_array_equal(sample(frozen, 3, 0), sample(frozen.estimator, 3, 0))
    steps = steps_of(make_pipeline(FrozenEstimator(pipeline), PCA(1)).fit(iris))
    assert [type(step) for step in steps] == [StandardScaler, AutoencoderTransformer, PCA]


def test_frames_and_images(iris, digits):
    frame = pd.DataFrame(iris, columns=list("abcd"))
    rows = sample(make_pipeline(StandardScaler(), QUICK).fit(frame), 3)
    assert isinstance(rows, np.ndarray)
    images = digits[:100].reshape(-1, 8, 8)
    conv = ConvAutoencoder(2, hidden_channels=(2,), max_iter=1, random_state=0).fit(images)
    assert sample(conv, 3).shape == (3, 8, 8)


def test_what_cannot_be_drawn_from(iris):
    with pytest.raises(TypeError, match=r"method sample. Got StandardScaler, PCA instead"):
        sample(make_pipeline(StandardScaler(), PCA()).fit(iris))
    columns = ColumnTransformer([("some", StandardScaler(), [0, 1])])
    pipeline = make_pipeline(columns, GaussianMixture()).fit(iris)
    with pytest.raises(TypeError, match="ColumnTransformer, which has no inverse_transform"):
        sample(pipeline)
    with pytest.raises(NotFittedError):
        sample(make_pipeline(StandardScaler(), AutoencoderTransformer()))


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "ten"])
def test_bad_numbers_of_rows(iris, bad):
    with pytest.raises(ValueError, match="n_samples must be an int of at least 1"):
        sample(QUICK.fit(iris), bad)


def test_it_is_public():
    assert "sample" in skae.__all__
