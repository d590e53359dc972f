"""Curves over the number of components."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV, ShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderCV, AutoencoderTransformer
from skae.inspection import BottleneckCurveDisplay
from skae.metrics import neg_reconstruction_error_scorer, reconstruction_r2_scorer
from skae.model_selection import bottleneck_curve, compare_with_pca

FOLDS = KFold(4, shuffle=True, random_state=0)
QUICK = AutoencoderTransformer(max_iter=2, random_state=0)


def test_lines_are_means_and_bands_standard_errors(iris):
    estimators = {"linear": PCA(), "own": QUICK}
    widths = [1, 2, 3]
    display = BottleneckCurveDisplay.from_estimators(
        estimators, iris, n_components=widths, cv=FOLDS
    )
    curve = bottleneck_curve(estimators, iris, n_components=widths, cv=FOLDS)
    for name, scores in curve.test_scores.items():
        assert_array_equal(display.lines_[name].get_xdata(), widths)
        means = display.lines_[name].get_ydata()
        assert_allclose(means, scores.mean(axis=1))
        error = scores.std(axis=1, ddof=1) / np.sqrt(4)
        (band,) = display.bands_[name].get_paths()
        low, high = band.vertices[:, 1].min(), band.vertices[:, 1].max()
        assert_allclose((low, high), ((means - error).min(), (means + error).max()))
    assert display.ax_.get_ylabel() == "explained variance (R²)"
    styles = {
        (line.get_color(), line.get_linestyle(), line.get_marker())
        for line in display.lines_.values()
    }
    assert len(styles) == 2
    assert display.chosen_ == []


def test_a_single_fold_has_no_band(iris):
    curve = bottleneck_curve([PCA()], iris, n_components=2, cv=ShuffleSplit(1, random_state=0))
    display = BottleneckCurveDisplay.from_curve(curve)
    assert display.bands_ == {}
    assert len(display.lines_) == 1


def test_negative_errors(iris):
    curve = bottleneck_curve(
        [PCA()], iris, n_components=2, cv=FOLDS, scoring=neg_reconstruction_error_scorer
    )
    display = BottleneckCurveDisplay.from_curve(curve, negate_score=True)
    assert (display.lines_["PCA"].get_ydata() > 0).all()
    assert display.ax_.get_ylabel() == "reconstruction error"
    display.plot()
    assert (display.lines_["PCA"].get_ydata() < 0).all()
    assert display.ax_.get_ylabel() == "neg reconstruction error"


@pytest.mark.parametrize(
    ("widths", "scale", "n_ticks"),
    [
        ([1, 2, 3, 4], "linear", 4),
        ([1, 2, 4, 8], "linear", 4),
        ([1, 2, 4, 8, 16], "log", 5),
        ([3], "linear", 1),
    ],
)
def test_widths_on_the_axis(widths, scale, n_ticks):
    scores = {"a": np.random.default_rng(0).normal(size=(len(widths), 3))}
    display = BottleneckCurveDisplay(
        n_components={"a": np.array(widths)}, test_scores=scores
    ).plot()
    assert display.ax_.get_xscale() == scale
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == [str(k) for k in widths]
    assert len(display.ax_.get_xticks()) == n_ticks


def test_many_widths_are_not_all_ticked():
    scores = {"a": np.zeros((60, 2))}
    display = BottleneckCurveDisplay(
        n_components={"a": np.arange(1, 61)}, test_scores=scores
    ).plot()
    assert len(display.ax_.get_xticks()) < 20


def test_a_comparison(iris):
    comparison = compare_with_pca(
        iris, estimator=QUICK, n_components=[1, 2], cv=FOLDS, random_state=0
    )
    display = BottleneckCurveDisplay.from_comparison(comparison)
    assert list(display.lines_) == ["PCA", "AutoencoderTransformer"]
    assert display.ax_.get_title(loc="left").replace("\n", " ") == comparison.summary
    rings = [ring.get_xdata()[0] for ring in display.chosen_]
    assert rings == [comparison.n_components_pca, comparison.n_components_autoencoder]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["PCA", "AutoencoderTransformer", "recommended"]


class TestSearches:
    def test_one_that_chooses_the_width(self, iris):
        search = AutoencoderCV([3, 1], estimator=QUICK, cv=FOLDS).fit(iris)
        display = BottleneckCurveDisplay.from_search(search)
        assert list(display.lines_) == ["ordered autoencoder", "linear start"]
        results = search.cv_results_, search.pca_cv_results_
        for line, result in zip(display.lines_.values(), results, strict=True):
            assert_array_equal(line.get_xdata(), [1, 3])
            assert_allclose(line.get_ydata(), result["mean_test_score"][::-1])
        assert [ring.get_xdata()[0] for ring in display.chosen_] == [search.n_components_]
        assert display.ax_.get_ylabel() == "explained variance (R²)"

    def test_a_grid_over_estimators(self, iris):
        grid = {"reduce": [PCA(), QUICK], "reduce__n_components": [2, 1]}
        pipeline = Pipeline([("scale", StandardScaler()), ("reduce", PCA())])
        search = GridSearchCV(pipeline, grid, scoring=reconstruction_r2_scorer, cv=FOLDS).fit(iris)
        display = BottleneckCurveDisplay.from_search(search)
        assert list(display.lines_) == ["PCA", "AutoencoderTransformer"]
        means = search.cv_results_["mean_test_score"].reshape(2, 2)[:, ::-1]
        for line, mean in zip(display.lines_.values(), means, strict=True):
            assert_array_equal(line.get_xdata(), [1, 2])
            assert_allclose(line.get_ydata(), mean)
        (ring,) = display.chosen_
        assert ring.get_ydata()[0] == pytest.approx(search.best_score_)
        assert display.ax_.get_ylabel() == "explained variance (R²)"

    def test_grids_of_different_widths(self, iris):
        grid = [
            {"reduce": [PCA()], "reduce__n_components": [1, 2, 3]},
            {
                "reduce": [QUICK],
                "reduce__n_components": [1, 2],
                "reduce__activation": ["silu", "tanh"],
            },
        ]
        search = GridSearchCV(
            Pipeline([("reduce", PCA())]), grid, scoring=reconstruction_r2_scorer, cv=FOLDS
        ).fit(iris)
        display = BottleneckCurveDisplay.from_search(search, score_name="share")
        assert {name: len(line.get_xdata()) for name, line in display.lines_.items()} == {
            "PCA": 3,
            "AutoencoderTransformer, reduce__activation=silu": 2,
            "AutoencoderTransformer, reduce__activation=tanh": 2,
        }
        assert display.ax_.get_ylabel() == "share"

    def test_estimators_of_the_same_class(self, iris):
        grid = {"reduce": [PCA(), PCA(whiten=True)], "reduce__n_components": [1, 2]}
        search = GridSearchCV(
            Pipeline([("reduce", PCA())]), grid, scoring=reconstruction_r2_scorer, cv=FOLDS
        ).fit(iris)
        display = BottleneckCurveDisplay.from_search(search)
        assert list(display.lines_) == ["PCA()", "PCA(whiten=True)"]

    @pytest.mark.parametrize("estimator", [PCA(), make_pipeline(PCA())], ids=repr)
    def test_a_grid_over_widths_alone(self, iris, estimator):
        (name,) = {"n_components", "pca__n_components"} & set(estimator.get_params())
        search = GridSearchCV(estimator, {name: [1, 2]}, cv=FOLDS).fit(iris)
        display = BottleneckCurveDisplay.from_search(search)
        assert list(display.lines_) == ["PCA"]
        assert display.ax_.get_ylabel() == "score"

    def test_a_random_search(self, iris):
        search = RandomizedSearchCV(
            PCA(), {"n_components": [1, 2, 3]}, n_iter=2, random_state=0, cv=FOLDS
        ).fit(iris)
        assert len(BottleneckCurveDisplay.from_search(search).lines_["PCA"].get_xdata()) == 2

    def test_which_number_of_components(self, iris):
        pipeline = make_pipeline(PCA(), AutoencoderTransformer(max_iter=0))
        grid = {"pca__n_components": [3], "autoencodertransformer__n_components": [1, 2]}
        search = GridSearchCV(pipeline, grid, cv=FOLDS).fit(iris)
        with pytest.raises(
            ValueError, match=r"it has autoencodertransformer__n_components, pca__n"
        ):
            BottleneckCurveDisplay.from_search(search)
        display = BottleneckCurveDisplay.from_search(
            search, param_name="autoencodertransformer__n_components"
        )
        assert list(display.lines_) == ["AutoencoderTransformer"]

    @pytest.mark.parametrize(
        ("grid", "parameters", "message"),
        [
            ({"whiten": [True]}, {}, "must have one parameter n_components, but it has none"),
            ({"n_components": [0.5, 1]}, {}, r"needs an int for n_components. Got \[0.5, 1\]"),
            ([{"n_components": [1]}, {"whiten": [True]}], {}, r"Got \[1, None\]"),
            (
                {"n_components": [1]},
                {"scoring": {"a": reconstruction_r2_scorer}, "refit": "a"},
                "several metrics",
            ),
        ],
        ids=["none", "share", "partly", "metrics"],
    )
    def test_what_is_refused(self, iris, grid, parameters, message):
        search = GridSearchCV(PCA(), grid, cv=FOLDS, **parameters).fit(iris)
        with pytest.raises(ValueError, match=message):
            BottleneckCurveDisplay.from_search(search)

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
    @pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
    def test_fits_that_failed(self, iris):
        search = GridSearchCV(PCA(), {"n_components": [1, 9]}, cv=FOLDS).fit(iris)
        with pytest.raises(ValueError, match="not finite, probably because fits failed"):
            BottleneckCurveDisplay.from_search(search)

    def test_not_fitted(self):
        with pytest.raises(NotFittedError):
            BottleneckCurveDisplay.from_search(AutoencoderCV())


def test_in_a_narrow_place_the_summary_has_more_lines(iris):
    comparison = compare_with_pca(iris, estimator=QUICK, n_components=[1], cv=FOLDS)
    wide = Figure(figsize=(12, 4)).subplots()
    narrow = Figure(figsize=(4, 4)).subplots()
    lines = [
        BottleneckCurveDisplay.from_comparison(comparison, ax=ax)
        .ax_.get_title(loc="left")
        .count("\n")
        for ax in (wide, narrow)
    ]
    assert lines[0] < lines[1]
