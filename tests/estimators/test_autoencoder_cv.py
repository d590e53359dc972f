"""The number of components, by one fit a fold."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderCV, AutoencoderTransformer, ConvAutoencoder
from skae.metrics import neg_reconstruction_error_scorer, reconstruction_r2

WIDTHS = [1, 2, 3]
QUICK = AutoencoderTransformer(max_iter=10, random_state=0)


@pytest.fixture(scope="module")
def search(iris):
    return AutoencoderCV(WIDTHS, estimator=QUICK, cv=KFold(3, shuffle=True, random_state=0)).fit(
        iris
    )


def test_scores_are_those_of_truncated_fits(search, iris):
    folds = list(search.cv.split(iris))
    assert search.n_splits_ == 3
    for i, (train, test) in enumerate(folds):
        fitted = clone(QUICK).set_params(n_components=3, ordered=True).fit(iris[train])
        expected = [fitted.truncate(k).score(iris[test]) for k in WIDTHS]
        assert_allclose(search.cv_results_[f"split{i}_test_score"], expected, rtol=1e-12)


def test_the_scores_beside_are_pcas(search, iris):
    for i, (train, test) in enumerate(search.cv.split(iris)):
        expected = [reconstruction_r2(PCA(k).fit(iris[train]), iris[test]) for k in WIDTHS]
        assert_allclose(search.pca_cv_results_[f"split{i}_test_score"], expected, rtol=1e-9)


def test_results_are_a_grid_searchs(search, iris):
    grid = GridSearchCV(QUICK.__class__(max_iter=1), {"n_components": WIDTHS}, cv=search.cv)
    expected = grid.fit(iris).cv_results_
    assert search.cv_results_.keys() == expected.keys()
    for key, values in search.cv_results_.items():
        assert len(values) == len(expected[key]) == 3
        assert type(values) is type(expected[key])
        if isinstance(values, np.ndarray):
            assert values.dtype == expected[key].dtype
    assert search.cv_results_["params"] == expected["params"]
    assert_array_equal(search.cv_results_["param_n_components"], WIDTHS)
    frame = pd.DataFrame(search.cv_results_)
    scores = frame[[f"split{i}_test_score" for i in range(3)]].to_numpy()
    assert_allclose(frame.mean_test_score, scores.mean(axis=1))
    assert_allclose(frame.std_test_score, scores.std(axis=1))
    assert frame.rank_test_score[search.best_index_] == 1
    assert search.best_score_ == frame.mean_test_score.max()
    assert search.best_params_ == {"n_components": search.n_components_}


def test_the_best_is_fitted_to_all_rows(search, iris):
    expected = clone(QUICK).set_params(n_components=search.n_components_).fit(iris)
    assert not search.best_estimator_.ordered
    codes = search.transform(iris)
    assert_array_equal(codes, expected.transform(iris))
    assert_array_equal(search.inverse_transform(codes), expected.inverse_transform(codes))
    assert_array_equal(search.reconstruct(iris), expected.reconstruct(iris))
    assert_array_equal(search.score_samples(iris), expected.score_samples(iris))
    assert_array_equal(search.sample(3, random_state=0), expected.sample(3, random_state=0))
    assert search.score(iris) == expected.score(iris)
    assert search.n_features_in_ == 4
    assert search.refit_time_ > 0


class _Scores:
    """A scorer with given means over three folds, and a spread of .3 for each."""

    def __init__(self, means):
        self.means = means
        self.n_seen = 0

    def __call__(self, estimator, X, y=None):
        fold = self.n_seen // (2 * len(self.means))
        self.n_seen += 1
        return self.means[estimator.n_components_ - 1] + (fold - 1) * 0.3


@pytest.mark.parametrize(
    ("means", "best", "within"),
    # of three scores .3 apart: the standard error of their mean is .3 / sqrt(3) = .173
    [
        ([1.0, 2.0, 3.0], 3, 3),
        ([2.84, 2.9, 3.0], 3, 1),
        ([2.8, 2.9, 3.0], 3, 2),
        ([3, 2, 1], 1, 1),
    ],
)
def test_selection(iris, means, best, within):
    for selection, expected in (("best", best), ("one_standard_error", within)):
        search = AutoencoderCV(
            WIDTHS,
            estimator=clone(QUICK).set_params(max_iter=0),
            cv=3,
            scoring=_Scores(means),
            selection=selection,
            refit=False,
        ).fit(iris)
        assert search.n_components_ == expected
        assert search.best_params_ == {"n_components": expected}


def test_widths_in_any_order(iris, search):
    turned = clone(search).set_params(n_components=(3, 1)).fit(iris)
    assert_array_equal(turned.cv_results_["param_n_components"], [3, 1])
    assert_allclose(
        turned.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"][[2, 0]]
    )


def test_all_widths_up_to_a_number(iris):
    search = AutoencoderCV(3, estimator=QUICK, cv=2, refit=False).fit(iris)
    assert_array_equal(search.cv_results_["param_n_components"], [1, 2, 3])


def test_an_ordered_estimator_stays_ordered(iris):
    ordered = clone(QUICK).set_params(ordered=True)
    search = AutoencoderCV(WIDTHS, estimator=ordered, cv=3).fit(iris)
    assert search.best_estimator_.truncate(1).transform(iris).shape == (150, 1)


def test_scorers_and_labels(iris):
    y = np.repeat([0, 1, 2], 50)

    def accuracy(estimator, X, y):
        return LogisticRegression().fit(estimator.transform(X), y).score(estimator.transform(X), y)

    folds = KFold(3, shuffle=True, random_state=0)
    search = AutoencoderCV(WIDTHS, estimator=QUICK, cv=folds, scoring=accuracy).fit(iris, y)
    assert 0.5 < search.best_score_ <= 1
    assert 0.5 < search.score(iris, y) <= 1
    search.set_params(scoring=neg_reconstruction_error_scorer).fit(iris)
    assert search.best_score_ < 0


def test_groups_and_other_folds(iris):
    groups = np.arange(150) % 4
    search = AutoencoderCV(WIDTHS, estimator=QUICK, cv=GroupKFold(4)).fit(iris, groups=groups)
    assert search.n_splits_ == 4
    rows = [(np.arange(100), np.arange(100, 150))]
    assert search.set_params(cv=rows).fit(iris).n_splits_ == 1


def test_folds_side_by_side(iris, search):
    parallel = clone(search).set_params(n_jobs=2).fit(iris)
    assert_array_equal(
        parallel.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_verbose_tells_of_every_fold(search, iris, capsys):
    loud = clone(search).set_params(verbose=1).fit(iris)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    for i in range(3):
        best = max(loud.cv_results_[f"split{i}_test_score"])
        start = f"[CV {i + 1}/3] AutoencoderTransformer: best score {best:.4g} with n_components="
        assert lines[2 * i].startswith(start)
        assert lines[2 * i + 1].startswith(f"[CV {i + 1}/3] AutoencoderTransformer, its start: ")
    clone(search).fit(iris)
    assert capsys.readouterr().out == ""


def test_in_a_pipeline_and_a_grid(iris):
    search = AutoencoderCV([1, 2], estimator=QUICK, cv=2)
    pipeline = make_pipeline(StandardScaler(), search, LogisticRegression())
    assert cross_val_score(pipeline, iris, np.repeat([0, 1, 2], 50)).mean() > 0.6
    grid = GridSearchCV(search, {"estimator__activation": ["silu", "tanh"]}, cv=2).fit(iris)
    assert grid.best_estimator_.n_components_ in (1, 2)


def test_images(digits):
    images = digits[:150].reshape(-1, 8, 8)
    estimator = ConvAutoencoder(hidden_channels=(4,), max_iter=2, random_state=0)
    search = AutoencoderCV([1, 4], estimator=estimator, cv=2).fit(images)
    assert search.n_components_ == 4
    assert search.reconstruct(images).shape == images.shape


def test_names(iris):
    frame = pd.DataFrame(iris, columns=list("abcd"))
    search = AutoencoderCV([2], estimator=QUICK, cv=2).fit(frame)
    assert list(search.feature_names_in_) == list("abcd")
    assert list(search.get_feature_names_out()) == [
        "autoencodertransformer0",
        "autoencodertransformer1",
    ]


def test_without_refit(iris):
    search = AutoencoderCV([1, 2], estimator=QUICK, cv=2, refit=False).fit(iris)
    assert search.n_components_ in (1, 2)
    with pytest.raises(AttributeError, match="refit=False"):
        search.transform(iris)
    for method in ("inverse_transform", "score", "sample", "get_feature_names_out"):
        with pytest.raises(AttributeError, match=method) as caught:
            getattr(search, method)
        assert "Set refit=True" in str(caught.value.__cause__)
    assert not hasattr(search, "best_estimator_")
    assert not hasattr(search, "n_features_in_")


@pytest.mark.parametrize(
    "method", ["transform", "inverse_transform", "reconstruct", "score_samples", "score"]
)
def test_before_fit(iris, method):
    with pytest.raises(NotFittedError):
        getattr(AutoencoderCV(), method)(iris)


@pytest.mark.parametrize("bad", [[0, 1], [1.5], [], [[1]], ["two"]])
def test_bad_widths(iris, bad):
    with pytest.raises(ValueError, match="The 'n_components' parameter must be a sequence of ints"):
        AutoencoderCV(bad).fit(iris)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("n_components", "all"),
        ("estimator", "pca"),
        ("cv", "five"),
        ("scoring", 3),
        ("scoring", "r2"),
        ("selection", "worst"),
        ("refit", "yes"),
        ("n_jobs", "all"),
        ("verbose", "yes"),
    ],
)
def test_bad_parameters(iris, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter .*must be"):
        AutoencoderCV(**{name: value}).fit(iris)


@pytest.mark.parametrize("estimator", [PCA(), Pipeline([("reduce", QUICK)])])
def test_estimators_without_an_order(iris, estimator):
    with pytest.raises(TypeError, match="must be an autoencoder with the parameter 'ordered'"):
        AutoencoderCV(estimator=estimator).fit(iris)


def test_what_is_not_valid_in_a_fold(iris):
    with pytest.raises(ValueError, match="NaN"):
        AutoencoderCV().fit(np.where(iris > 7, np.nan, iris))
    with pytest.raises(ValueError, match="n_splits=5"):
        AutoencoderCV().fit(iris[:3])


def test_parameters_of_the_estimator_are_checked(iris):
    for parameters in ({"alpha": -1}, {"activation": "bogus"}, {"validation_fraction": -1.0}):
        (name,) = parameters
        estimator = AutoencoderTransformer(**parameters)
        with pytest.raises(ValueError, match=f"The '{name}' parameter of AutoencoderTransformer"):
            AutoencoderCV(estimator=estimator).fit(iris)


def test_a_warm_start_cannot_have_every_shape(iris):
    first = AutoencoderTransformer(3, ordered=True, max_iter=1).fit(iris)
    for warm_start in (True, first):
        estimator = AutoencoderTransformer(warm_start=warm_start)
        with pytest.raises(ValueError, match="estimator must have warm_start=False"):
            AutoencoderCV(estimator=estimator).fit(iris)


def test_a_failed_fit_leaves_the_last_one_usable(iris):
    search = AutoencoderCV([1, 2], estimator=QUICK, cv=2).fit(iris)
    score, codes = search.score(iris), search.transform(iris)
    with pytest.raises(ValueError, match="NaN"):
        search.set_params(scoring=neg_reconstruction_error_scorer).fit(iris * np.nan)
    assert search.score(iris) == score
    assert_array_equal(search.transform(iris), codes)
    search.set_params(scoring=None, refit=False).fit(iris[:, :3])
    assert not hasattr(search, "best_estimator_")


@pytest.mark.parametrize(("bad", "ranks"), [(1, [3, 2, 1]), (3, [2, 1, 3])])
@pytest.mark.parametrize("selection", ["best", "one_standard_error"])
def test_scores_that_are_not_numbers(iris, bad, ranks, selection):
    def score(estimator, X):
        return np.nan if estimator.n_components_ == bad else estimator.score(X)

    search = AutoencoderCV(3, estimator=QUICK, cv=2, scoring=score, selection=selection)
    with pytest.warns(UserWarning, match="mean test scores are not finite"):
        search.fit(iris)
    assert search.n_components_ != bad
    assert list(search.cv_results_["rank_test_score"]) == ranks


def test_no_score_that_is_a_number(iris):
    search = AutoencoderCV(2, estimator=QUICK, cv=2, scoring=lambda estimator, X: np.nan)
    with pytest.raises(ValueError, match="None of the mean test scores is a number"):
        search.fit(iris)


def test_set_output_and_html(iris):
    search = AutoencoderCV([2], estimator=QUICK, cv=2).set_output(transform="pandas").fit(iris)
    assert list(search.transform(iris).columns) == list(search.get_feature_names_out())
    assert "AutoencoderCV" in AutoencoderCV(estimator=PCA())._repr_html_()
