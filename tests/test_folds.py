"""Scores of folds at several widths."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae._folds import (
    check_widths,
    find_smallest_close,
    find_width_parameter,
    score_widths,
    standard_error,
)
from skae.metrics import reconstruction_r2_scorer

WIDTHS = [3, 1]
ORDERED = AutoencoderTransformer(max_iter=2, ordered=True, random_state=0)


@pytest.fixture
def folds(iris):
    return list(KFold(3, shuffle=True, random_state=0).split(iris))


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (PCA(), "n_components"),
        (make_pipeline(StandardScaler(), PCA()), "pca__n_components"),
        (make_pipeline(PCA(), LogisticRegression()), "pca__n_components"),
        (make_pipeline(PCA(), ORDERED), "autoencodertransformer__n_components"),
        (Pipeline([("a", "passthrough"), ("b", PCA()), ("c", None)]), "b__n_components"),
        (Pipeline([("outer", make_pipeline(PCA()))]), "outer__pca__n_components"),
    ],
    ids=["bare", "scaled", "classifier", "two", "gaps", "nested"],
)
def test_the_last_step_with_components_is_found(estimator, name):
    assert find_width_parameter(estimator) == name


@pytest.mark.parametrize("estimator", [KMeans(), make_pipeline(StandardScaler()), "PCA"])
def test_without_components(estimator):
    with pytest.raises(TypeError, match="no parameter n_components"):
        find_width_parameter(estimator)


def test_scores_are_those_of_fits_apart(iris, folds):
    pipeline = make_pipeline(StandardScaler(), PCA())
    (results,) = score_widths([pipeline], iris, None, folds, reconstruction_r2_scorer, WIDTHS, None)
    for (train, test), fold in zip(folds, results, strict=True):
        expected = [
            reconstruction_r2_scorer(
                make_pipeline(StandardScaler(), PCA(k)).fit(iris[train]), iris[test]
            )
            for k in WIDTHS
        ]
        assert_array_equal(fold.scores, expected)
        assert fold.fit_time > 0
        assert (fold.score_times > 0).all()
    assert not hasattr(pipeline[-1], "components_"), "the estimator itself is not fitted"


class _Counted(AutoencoderTransformer):
    """Counts its fits."""

    n_fits = 0

    def fit(self, X, y=None):
        type(self).n_fits += 1
        return super().fit(X, y)


@pytest.mark.parametrize("is_last", [True, False])
def test_ordered_components_at_the_end_take_one_fit_a_fold(iris, folds, is_last):
    _Counted.n_fits = 0
    steps = [("scale", StandardScaler()), ("reduce", _Counted(**ORDERED.get_params()))]
    steps = steps if is_last else [*steps, ("again", StandardScaler())]
    pipeline = Pipeline(steps)
    (results,) = score_widths([pipeline], iris, None, folds, reconstruction_r2_scorer, WIDTHS, None)
    assert _Counted.n_fits == (3 if is_last else 6)
    train, test = folds[0]
    if is_last:
        fitted = clone(pipeline).set_params(reduce__n_components=3).fit(iris[train])
        fitted.steps[-1] = ("reduce", fitted[-1].truncate(1))
        assert_allclose(results[0].scores[1], reconstruction_r2_scorer(fitted, iris[test]))


def test_labels_reach_fit_and_scorer(iris, folds):
    y = np.repeat(["a", "b", "c"], 50)
    classifier = make_pipeline(PCA(), LogisticRegression())

    def accuracy(estimator, X, y):
        return estimator.score(X, y)

    (results,) = score_widths([classifier], iris, y, folds, accuracy, [1, 2], None)
    train, test = folds[2]
    expected = make_pipeline(PCA(2), LogisticRegression()).fit(iris[train], y[train])
    assert results[2].scores[1] == expected.score(iris[test], y[test])


@pytest.mark.parametrize(
    ("given", "expected"),
    [(3, [1, 2, 3]), ((4, 2), [4, 2]), (np.array([1]), [1]), ([2, 1, 1, 2], [2, 1])],
)
def test_widths(given, expected):
    widths = check_widths(given)
    assert widths == expected
    assert all(type(width) is int for width in widths)


@pytest.mark.parametrize("bad", [0, -1, [0, 1], [1.5], [], [[1]], "two", None, True, [True, 2]])
def test_bad_widths(bad):
    with pytest.raises(ValueError, match="The 'n_components' parameter must be a sequence of ints"):
        check_widths(bad)


def test_standard_error_of_a_mean():
    scores = np.random.default_rng(0).normal(size=(4, 10))
    expected = scores.std(axis=1, ddof=1) / np.sqrt(10)
    assert_allclose(standard_error(scores.std(axis=1), 10), expected)
    assert standard_error(np.zeros(1), 1) == 0


@pytest.mark.parametrize(
    ("means", "index"),
    # three folds with a deviation of .3: the standard error of the best is .3 / sqrt(2) = .212
    [([1.0, 2.0, 3.0], 2), ([2.8, 2.9, 3.0], 0), ([2.7, 2.9, 3.0], 1), ([-np.inf, 2.9, 3.0], 1)],
)
def test_the_smallest_within_one_standard_error(means, index):
    widths = np.array([1, 2, 4])
    assert find_smallest_close(np.array(means), np.full(3, 0.3), 3, widths) == index
    turned = find_smallest_close(np.array(means)[::-1], np.full(3, 0.3), 3, widths[::-1])
    assert turned == 2 - index
