"""An autoencoder beside PCA, with an answer."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from skae import AutoencoderTransformer
from skae.model_selection import bottleneck_curve, compare_with_pca
from skae.model_selection._comparison import _conclude

QUICK = AutoencoderTransformer(max_iter=2, random_state=0)


def _curve(pca, autoencoder):
    """Return a curve of three widths and four folds, from mean scores."""
    folds = np.array([0.01, -0.01, 0.02, -0.02])
    own = np.array([0.005, -0.005, -0.005, 0.005])
    pca, autoencoder = (np.reshape(means, (-1, 1)) + folds for means in (pca, autoencoder))
    return Bunch(
        n_components=np.array([1, 2, 4]),
        test_scores={"PCA": pca, "Other": autoencoder + own},
        score_name="quality",
    )


def test_better_beyond_noise():
    # at 2 and 4 components, differences of .2 and .1 with a standard error below .005
    found = _conclude(_curve([0.1, 0.5, 0.8], [0.1, 0.7, 0.9]), 1 / 3)
    assert found.is_better
    assert (found.n_components_pca, found.n_components_autoencoder) == (4, 4)
    assert_allclose(found.difference, [0, 0.2, 0.1], atol=1e-12)
    assert_array_equal(found.better_at, [2, 4])
    assert found.summary.startswith(
        "Other is worth it here: with n_components=4 its quality is 0.9 and PCA's 0.8, a "
        "difference of +0.1 ± 0.0044 that is beyond noise (p < 0.001); recommended "
        "n_components: 4 (the most tried) for both."
    )


def test_fewer_components():
    found = _conclude(_curve([0.1, 0.5, 0.8], [0.1, 0.9, 0.905]), 1 / 3)
    assert (found.n_components_pca, found.n_components_autoencoder) == (4, 2)
    assert "recommended n_components: 2 for it, 4 (the most tried) for PCA." in found.summary


def test_too_few_folds():
    curve = _curve([0.1, 0.5, 0.8], [0.1, 0.5, 0.9])
    curve.test_scores = {
        "PCA": np.array([[0.1, 0.1], [0.5, 0.5], [0.8, 0.8]]),
        "Other": np.array([[0.1, 0.1], [0.5, 0.5], [0.89, 0.91]]),
    }
    found = _conclude(curve, 1)
    assert not found.is_better
    assert found.p_value[2] > 0.05
    assert found.summary.startswith("Other may be worth it here, which 2 folds do not prove: ")
    assert "a difference of +0.1 ± 0.017 that needs more folds (p = 0.11)" in found.summary


def test_within_noise():
    found = _conclude(_curve([0.1, 0.5, 0.8], [0.1, 0.5, 0.8001]), 1 / 3)
    assert not found.is_better
    assert "is not worth it here" in found.summary
    assert "within noise (p = 0.98)" in found.summary


def test_no_difference_at_all():
    curve = _curve([0.1, 0.5, 0.8], [0, 0, 0])
    curve.test_scores["Other"] = curve.test_scores["PCA"].copy()
    found = _conclude(curve, 1 / 3)
    assert not found.is_better
    assert_array_equal(found.p_value, 1)
    assert "0.8 and PCA's 0.8, without any difference;" in found.summary


def test_worse():
    found = _conclude(_curve([0.1, 0.5, 0.8], [0.1, 0.5, 0.7]), 1 / 3)
    assert not found.is_better
    assert "Other is worse than PCA here" in found.summary
    assert found.p_value[2] < 0.05


def test_better_with_narrow_codes_alone():
    found = _conclude(_curve([0.1, 0.5, 0.8], [0.4, 0.7, 0.8001]), 1 / 3)
    assert not found.is_better
    assert_array_equal(found.better_at, [1, 2])
    assert "Other is worth it here only at other widths (1, 2): with n_comp" in found.summary
    found = _conclude(_curve([0.1, 0.5, 0.8], [0.4, 0.5, 0.7]), 1 / 3)
    assert not found.is_better
    assert "only at other widths (1): " in found.summary


@pytest.fixture(scope="module")
def arc():
    """Rows along half a circle, with a little noise: one number tells where."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 300)
    return np.stack([np.cos(angle), np.sin(angle), angle / 3], axis=1) + rng.normal(
        scale=0.02, size=(300, 3)
    )


def test_a_curve_is_worth_it_and_a_plane_is_not(arc):
    estimator = AutoencoderTransformer(max_iter=60, random_state=0)
    found = compare_with_pca(arc, estimator=estimator, n_components=[1], random_state=0)
    assert found.is_better
    assert found.curve.test_scores["AutoencoderTransformer"].mean() > 0.95
    plane = np.random.default_rng(0).normal(size=(200, 5)) * [3, 2, 0.1, 0.1, 0.1]
    found = compare_with_pca(plane, estimator=QUICK, random_state=0)
    assert not found.is_better
    assert found.better_at.size == 0


def test_the_curve_is_that_of_the_same_folds(iris):
    folds = KFold(3, shuffle=True, random_state=0)
    found = compare_with_pca(iris, estimator=QUICK, n_components=[1, 2], cv=folds, random_state=0)
    expected = bottleneck_curve([PCA(), QUICK], iris, n_components=[1, 2], cv=folds)
    assert list(found.curve.test_scores) == ["PCA", "AutoencoderTransformer"]
    for name, scores in expected.test_scores.items():
        assert_allclose(found.curve.test_scores[name], scores, rtol=1e-9)


def test_verbose_tells_of_every_fold(iris, capsys):
    found = compare_with_pca(iris, estimator=QUICK, n_components=[1, 2], cv=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": best")[0] for line in lines] == [
        f"[CV {fold}/2] {name}" for fold in (1, 2) for name in ("PCA", "AutoencoderTransformer")
    ]
    best = found.curve.test_scores["PCA"][:, 1].max()
    assert f"best score {best:.4g} with n_components=2, after " in lines[2]
    compare_with_pca(iris, estimator=QUICK, n_components=[1], cv=2)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", ["loud", -1, 0.5, None])
def test_verbose_is_a_number(iris, verbose):
    message = "The 'verbose' parameter of {} must be an int"
    with pytest.raises(ValueError, match=message.format("compare_with_pca")):
        compare_with_pca(iris, verbose=verbose)
    with pytest.raises(ValueError, match=message.format("bottleneck_curve")):
        bottleneck_curve([PCA()], iris, verbose=verbose)


@pytest.mark.parametrize(("factor", "is_said"), [(1, False), (100, True)])
def test_a_feature_that_decides_alone(iris, factor, is_said):
    X = iris * [1, 1, 1, factor]
    given = {"n_components": [1], "cv": 2}
    share = X[:, 3].var() / X.var(axis=0).sum()
    sentence = f". Feature 3 has {share:.3g} of the variance of X, "
    for table in (X, pd.DataFrame(X), X.tolist()):
        summary = compare_with_pca(table, estimator=QUICK, **given).summary
        assert (sentence in summary) == is_said
    scaled = make_pipeline(StandardScaler(), QUICK)
    assert "of the variance of X" not in compare_with_pca(X, estimator=scaled, **given).summary


def test_the_correction_knows_the_sizes_of_the_folds(iris):
    """With 2 folds as many rows are left out as learned from, with 5 a fourth of that."""
    for n_folds in (2, 5):
        folds = KFold(n_folds, shuffle=True, random_state=0)
        found = compare_with_pca(iris, estimator=QUICK, n_components=[1], cv=folds)
        pca, autoencoder = found.curve.test_scores.values()
        deviation = (autoencoder - pca).std(axis=1, ddof=1)
        expected = deviation * np.sqrt(1 / n_folds + 1 / (n_folds - 1))
        assert_allclose(found.standard_error, expected, atol=1e-6)


def test_in_a_pipeline_pca_takes_the_place(iris):
    X = iris * [1, 10, 100, 1000]
    pipeline = make_pipeline(StandardScaler(), QUICK)
    folds = KFold(3, shuffle=True, random_state=0)
    found = compare_with_pca(X, estimator=pipeline, n_components=[2], cv=folds)
    expected = bottleneck_curve(
        [make_pipeline(StandardScaler(), PCA())], X, n_components=[2], cv=folds
    )
    assert_allclose(found.curve.test_scores["PCA"], expected.test_scores["PCA"], rtol=1e-9)
    assert type(pipeline[1]) is AutoencoderTransformer


def test_repeated_widths_are_not_tested_twice(iris):
    once, twice = (
        compare_with_pca(
            iris,
            estimator=AutoencoderTransformer(max_iter=1, random_state=0),
            n_components=widths,
            random_state=0,
        )
        for widths in ([1, 2], [1, 1, 2])
    )
    assert_array_equal(twice.p_value, once.p_value)
    assert_array_equal(twice.curve.n_components, [1, 2])


def test_seeds(iris):
    frame = pd.DataFrame(iris, columns=list("abcd"))
    first, same, other = (
        compare_with_pca(X, estimator=QUICK, n_components=[1], random_state=seed)
        for X, seed in ((iris, 0), (frame, 0), (iris, 1))
    )
    assert first.summary == same.summary
    assert_allclose(first.curve.test_scores["PCA"], same.curve.test_scores["PCA"])
    assert (first.curve.test_scores["PCA"] != other.curve.test_scores["PCA"]).any()


@pytest.mark.parametrize(
    ("shape", "widths"),
    [((50, 4), [1, 2]), ((50, 40), [1, 2, 4, 8, 16, 32]), ((10, 40), [1, 2, 4])],
)
def test_widths_with_something_to_lose(shape, widths):
    """Fewer than there are features, and than there are rows to learn from."""
    X = np.random.default_rng(0).normal(size=shape)
    estimator = AutoencoderTransformer(max_iter=0)
    found = compare_with_pca(X, estimator=estimator, random_state=0)
    assert_array_equal(found.curve.n_components, widths)


def test_labels_and_groups_reach_the_folds(iris):
    found = compare_with_pca(
        iris,
        np.repeat([0, 1, 2], 50),
        estimator=QUICK,
        n_components=[1],
        groups=np.arange(150) % 4,
        cv=GroupKFold(4),
        scoring=lambda estimator, X, y: float(y.mean()),
    )
    assert found.curve.test_scores["PCA"].shape == (1, 4)
    assert found.curve.score_name == "score"


def test_it_needs_no_matplotlib(iris, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert compare_with_pca(iris, estimator=QUICK, n_components=[1], cv=2).summary


class _NotReducing(BaseEstimator):
    def fit(self, X):
        return self


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"estimator": _NotReducing()}, TypeError, "_NotReducing has no parameter n_components"),
        ({"estimator": PCA()}, ValueError, "estimator must not be PCA"),
        ({"cv": ShuffleSplit(1)}, ValueError, "cv must give at least two folds. Got 1 instead"),
        ({"cv": 200}, ValueError, "n_splits=200"),
        ({"n_components": [0]}, ValueError, "sequence of ints"),
    ],
    ids=["no reducer", "PCA", "one fold", "many folds", "width"],
)
def test_bad_parameters(iris, parameters, error, message):
    with pytest.raises(error, match=message):
        compare_with_pca(iris, **parameters)


def test_nothing_to_reduce():
    with pytest.raises(ValueError, match=r"X of shape \(50, 1\) leaves nothing to reduce"):
        compare_with_pca(np.arange(50.0)[:, None])
