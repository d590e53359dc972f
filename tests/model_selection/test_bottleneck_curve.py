"""Scores over the number of components."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit, KFold, validation_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderCV, AutoencoderTransformer, ConvAutoencoder
from skae.metrics import neg_reconstruction_error_scorer, reconstruction_r2_scorer
from skae.model_selection import bottleneck_curve

FOLDS = KFold(3, shuffle=True, random_state=0)
QUICK = AutoencoderTransformer(max_iter=2, random_state=0)


def test_it_is_a_validation_curve_of_each(iris):
    estimators = {"linear": PCA(), "scaled": make_pipeline(StandardScaler(), PCA()), "own": QUICK}
    curve = bottleneck_curve(estimators, iris, n_components=[3, 1], cv=FOLDS)
    assert_array_equal(curve.n_components, [1, 3])
    assert list(curve.test_scores) == ["linear", "scaled", "own"]
    names = {"linear": "n_components", "scaled": "pca__n_components", "own": "n_components"}
    for name, estimator in estimators.items():
        _, expected = validation_curve(
            estimator,
            iris,
            None,
            param_name=names[name],
            param_range=[1, 3],
            cv=FOLDS,
            scoring=reconstruction_r2_scorer,
        )
        assert_allclose(curve.test_scores[name], expected, rtol=1e-12)
        assert curve.fit_times[name].shape == (3,)
    assert curve.score_name == "explained variance (R²)"


def test_repeated_widths_count_once(iris):
    curve = bottleneck_curve([PCA()], iris, n_components=[2, 1, 1], cv=FOLDS)
    assert_array_equal(curve.n_components, [1, 2])
    assert curve.test_scores["PCA"].shape == (2, 3)


@pytest.mark.parametrize("none", [[], {}], ids=repr)
def test_no_estimators(iris, none):
    with pytest.raises(ValueError, match="estimators must have at least one estimator"):
        bottleneck_curve(none, iris)


def test_lists_are_named_after_what_reduces(iris):
    estimators = [PCA(), make_pipeline(StandardScaler(), PCA()), make_pipeline(QUICK)]
    curve = bottleneck_curve(estimators, iris, n_components=1, cv=2)
    assert list(curve.test_scores) == ["PCA 1", "PCA 2", "AutoencoderTransformer"]


def test_scorers_labels_and_groups(iris):
    y = np.repeat([0, 1, 2], 50)
    classifier = make_pipeline(PCA(), LogisticRegression(max_iter=1000))
    curve = bottleneck_curve({"c": classifier}, iris, y, n_components=[2], scoring="accuracy")
    assert (curve.test_scores["c"] > 0.7).all()
    assert curve.score_name == "accuracy"
    folds = GroupShuffleSplit(1, random_state=0)
    groups = np.arange(150)
    curve = bottleneck_curve(
        [PCA()],
        iris,
        n_components=[2],
        scoring=neg_reconstruction_error_scorer,
        cv=folds,
        groups=groups,
    )
    assert curve.test_scores["PCA"].shape == (1, 1)
    assert (curve.test_scores["PCA"] < 0).all()
    assert curve.score_name == "neg reconstruction error"


def test_frames_and_images(iris, digits):
    frame = pd.DataFrame(iris, columns=list("abcd"))
    curves = [bottleneck_curve([PCA()], X, n_components=2, cv=FOLDS) for X in (iris, frame)]
    assert_allclose(*(curve.test_scores["PCA"] for curve in curves))
    conv = ConvAutoencoder(hidden_channels=(2,), max_iter=1, ordered=True, random_state=0)
    images = digits[:60].reshape(-1, 8, 8)
    curve = bottleneck_curve([conv], images, n_components=[1, 2], cv=2)
    assert curve.test_scores["ConvAutoencoder"].shape == (2, 2)


def test_estimators_are_not_touched(iris):
    estimator = AutoencoderTransformer(7, max_iter=1, random_state=0)
    bottleneck_curve([estimator], iris, n_components=[1], cv=2)
    assert estimator.n_components == 7
    assert not hasattr(estimator, "n_components_")


@pytest.mark.parametrize(
    ("estimators", "error", "message"),
    [
        (PCA(), TypeError, "must be a dict or a list .* instance of PCA .* into a list"),
        ([StandardScaler()], TypeError, "StandardScaler has no parameter n_components"),
        ({"x": make_pipeline(StandardScaler())}, TypeError, "Pipeline and its steps have no"),
        ([make_pipeline(AutoencoderCV(2))], TypeError, "AutoencoderCV chooses n_components"),
    ],
    ids=["bare", "scaler", "pipeline", "search"],
)
def test_what_is_no_list_of_reducers(iris, estimators, error, message):
    with pytest.raises(error, match=message):
        bottleneck_curve(estimators, iris)


def test_a_search_that_is_fitted_already(iris):
    search = AutoencoderCV([1, 2], estimator=QUICK, cv=2).fit(iris)
    for estimator in (search, make_pipeline(search)):
        with pytest.raises(TypeError, match="AutoencoderCV chooses n_components by itself"):
            bottleneck_curve([estimator], iris)


def test_bad_values(iris):
    with pytest.raises(ValueError, match="n_components=9 must be between"):
        bottleneck_curve([PCA()], iris, n_components=[9])
    with pytest.raises(ValueError, match="sequence of ints"):
        bottleneck_curve([PCA()], iris, n_components=[0.5])
    with pytest.raises(ValueError, match="NaN"):
        bottleneck_curve([PCA()], np.where(iris > 7, np.nan, iris), n_components=[1])


def test_scores_that_are_not_finite(iris):
    def score(estimator, X):
        return np.inf

    with pytest.raises(ValueError, match="Scores must be finite, but those of PCA are"):
        bottleneck_curve([PCA()], iris, n_components=[1], scoring=score, cv=2)
