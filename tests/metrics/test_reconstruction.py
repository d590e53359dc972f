"""Metrics and scorers, for anything with transform and inverse_transform."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import AutoencoderTransformer, metrics
from skae.metrics import reconstruction_error, reconstruction_r2

REDUCERS = [
    PCA(2),
    make_pipeline(StandardScaler(), PCA(2)),
    TruncatedSVD(2),
    AutoencoderTransformer(2, max_iter=2, random_state=0),
    make_pipeline(StandardScaler(), AutoencoderTransformer(2, max_iter=2, random_state=0)),
]
SCORERS = [
    getattr(metrics, name) for name in metrics.__all__ if re.search("reconstr.*_scorer", name)
]


@pytest.mark.parametrize("reducer", REDUCERS, ids=repr)
def test_against_the_definitions(iris, reducer):
    fitted = reducer.fit(iris)
    errors = np.square(iris - fitted.inverse_transform(fitted.transform(iris)))
    variances = iris.var(axis=0)
    assert_allclose(reconstruction_error(fitted, iris), errors.sum(axis=1).mean())
    assert_allclose(
        reconstruction_error(fitted, iris, features="standardized"),
        (errors / variances).sum(axis=1).mean(),
    )
    assert_allclose(
        reconstruction_r2(fitted, iris), 1 - errors.mean(axis=0).sum() / variances.sum()
    )
    assert_allclose(
        reconstruction_r2(fitted, iris, multioutput="uniform_average"),
        (1 - errors.mean(axis=0) / variances).mean(),
    )


@pytest.mark.parametrize("reducer", REDUCERS, ids=repr)
def test_errors_of_single_features(iris, reducer):
    X = np.hstack([iris, np.full((150, 1), 0.1)])
    fitted = clone(reducer).fit(X)
    reconstructed = fitted.inverse_transform(fitted.transform(X))
    errors = reconstruction_error(fitted, X, multioutput="raw_values")
    assert_allclose(errors, mean_squared_error(X, reconstructed, multioutput="raw_values"))
    shares = reconstruction_r2(fitted, X, multioutput="raw_values")
    assert_allclose(shares, r2_score(X, reconstructed, multioutput="raw_values"))
    scaled = reconstruction_error(fitted, X, features="standardized", multioutput="raw_values")
    assert_allclose(scaled[:4], 1 - shares[:4])
    assert scaled[4] == 0
    for features, values in (("original", errors), ("standardized", scaled)):
        assert_allclose(values.sum(), reconstruction_error(fitted, X, features=features))


def test_the_two_ways_to_standardise_agree(iris):
    """In standardised features, error and R2 say the same."""
    fitted = PCA(2).fit(iris)
    error = reconstruction_error(fitted, iris, features="standardized")
    r2 = reconstruction_r2(fitted, iris, multioutput="uniform_average")
    assert_allclose(error / iris.shape[1], 1 - r2)


def test_agreement_with_the_estimators_own_scores(iris):
    fitted = AutoencoderTransformer(2, max_iter=2).fit(iris)
    assert_allclose(reconstruction_error(fitted, iris), -fitted.score_samples(iris).mean())
    assert_allclose(reconstruction_r2(fitted, iris), fitted.score(iris))


def test_constant_features_do_not_count(iris):
    # the variance of the second, as numpy computes it, is not zero
    X = np.hstack([iris, np.full((150, 1), 3.0), np.full((150, 1), 0.1)])
    fitted = PCA(2).fit(X)
    assert_allclose(
        reconstruction_error(fitted, X, features="standardized"),
        reconstruction_error(PCA(2).fit(iris), iris, features="standardized"),
    )


@pytest.mark.thinned(1)
@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.__name__)
@pytest.mark.parametrize("reducer", REDUCERS, ids=repr)
def test_scorers_need_no_y(iris, reducer, scorer):
    scores = cross_val_score(reducer, iris, scoring=scorer, cv=3)
    assert np.isfinite(scores).all()
    assert_allclose(scores, cross_val_score(reducer, iris, np.arange(150), scoring=scorer, cv=3))


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.__name__)
def test_more_components_score_higher(digits, scorer):
    scores = [scorer(PCA(k).fit(digits), digits) for k in (2, 8, 32)]
    assert scores == sorted(scores)


def test_one_grid_compares_pca_and_the_autoencoder(digits):
    X = digits[:600]
    search = GridSearchCV(
        make_pipeline(PCA()),
        {
            "pca": [PCA(), AutoencoderTransformer(max_iter=15, random_state=0)],
            "pca__n_components": [2, 8],
        },
        scoring=metrics.reconstruction_r2_scorer,
        cv=2,
    ).fit(X)
    pca, autoencoder = search.cv_results_["mean_test_score"].reshape(2, 2)
    assert (autoencoder > pca).all()
    assert isinstance(search.best_estimator_[0], AutoencoderTransformer)


def test_what_is_refused(iris):
    with pytest.raises(TypeError, match="LinearRegression has no transform"):
        reconstruction_error(LinearRegression(), iris)
    with pytest.raises(ValueError, match="features must be 'original' or 'standardized'"):
        reconstruction_error(PCA(2).fit(iris), iris, features="raw")
    with pytest.raises(ValueError, match="multioutput must be 'sum' or 'raw_values'"):
        reconstruction_error(PCA(2).fit(iris), iris, multioutput="uniform_average")


@pytest.mark.parametrize("metric", [reconstruction_error, reconstruction_r2])
@pytest.mark.parametrize("multioutput", ["mean", None, np.ones(4), [1, 1, 1, 1]], ids=str)
def test_weights_of_features_are_refused(iris, metric, multioutput):
    with pytest.raises(ValueError, match=r"multioutput must be .* or 'raw_values'\. Got "):
        metric(PCA(2).fit(iris), iris, multioutput=multioutput)


@pytest.mark.parametrize("metric", [reconstruction_error, reconstruction_r2])
def test_blocks_are_for_the_score_of_estimators(iris, metric):
    blocks = np.array_split(iris, 3)
    fitted = AutoencoderTransformer(2, max_iter=0).fit(iris)
    with pytest.raises(ValueError, match=r"X is in blocks.* need X as one array.*\.score\(X\)"):
        metric(fitted, blocks)
    assert fitted.score(blocks) == pytest.approx(reconstruction_r2(fitted, iris), abs=1e-6)


def test_reconstructions_of_another_width_are_refused():
    class Half(FunctionTransformer):
        def inverse_transform(self, X):
            return np.asarray(X)[:, :2]

    with pytest.raises(ValueError, match=r"X has 4 features, but .* by Half has 2"):
        reconstruction_error(Half().fit(np.ones((5, 4))), np.ones((5, 4)))


def test_images_are_rows_of_pixels():
    X = np.random.default_rng(0).normal(size=(30, 3, 4))
    keep = FunctionTransformer(lambda X: X / 2, lambda X: X, check_inverse=False).fit(X)
    assert reconstruction_error(keep, X) == pytest.approx(np.square(X / 2).sum() / 30)
