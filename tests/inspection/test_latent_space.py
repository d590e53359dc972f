"""Codes as points."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae.inspection import LatentSpaceDisplay

DRAW = LatentSpaceDisplay.from_estimator
CLASSES = np.repeat(["setosa", "versicolor", "virginica"], 50)


@pytest.fixture
def pca(iris):
    return make_pipeline(StandardScaler(), PCA(4)).fit(iris)


def test_points_are_codes(pca, iris):
    codes = pca.transform(iris)
    display = DRAW(pca, iris, components=[0, 3])
    ((points,),) = display.scatters_
    assert_array_equal(points.get_offsets(), codes[:, [0, 3]])
    assert display.ax_.get_xlabel() == "component 0"
    assert display.ax_.get_ylabel() == "component 3"
    assert display.legend_ is display.colorbar_ is None


def test_all_pairs(pca, iris):
    display = DRAW(pca, iris, CLASSES)
    codes = pca.transform(iris)
    pairs = list(combinations(range(4), 2))
    assert len(display.axes_) == len(display.scatters_) == len(pairs)
    for points, pair in zip(display.scatters_, pairs, strict=True):
        for one, label in zip(points, np.unique(CLASSES), strict=True):
            assert_array_equal(one.get_offsets(), codes[label == CLASSES][:, pair])


def test_of_many_components_the_first_four(models, digits):
    display = DRAW(models["pca"], digits[:30])
    assert len(display.axes_) == 6
    assert len(DRAW(models["pca"], digits[:30], components=range(5)).axes_) == 10


@pytest.mark.parametrize("labels", [CLASSES, pd.Series(CLASSES, name="kind"), list(CLASSES)])
def test_classes(pca, iris, labels):
    display = DRAW(pca, iris, labels, components=[0, 1])
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts == ["setosa", "versicolor", "virginica"]
    assert display.legend_.get_title().get_text() == (
        "kind" if isinstance(labels, pd.Series) else ""
    )
    looks = {
        (tuple(points.get_facecolor()[0]), len(points.get_paths()[0].vertices))
        for points in display.scatters_[0]
    }
    assert len(looks) == 3
    assert display.texts_ == []


def test_more_classes_than_colours_are_named_where_they_lie(models, digits):
    y = np.arange(200) % 10
    display = DRAW(models["autoencoder"], digits[:200], y, components=[0, 1])
    assert [text.get_text() for text in display.texts_] == [str(digit) for digit in range(10)]
    middle = np.median(models["autoencoder"].transform(digits[:200])[y == 3][:, :2], axis=0)
    assert display.texts_[3].get_position() == pytest.approx(tuple(middle))
    looks = {
        (tuple(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes())
        for points in display.scatters_[0]
    }
    assert len(looks) == 10


@pytest.mark.parametrize("n_classes", [3, 7, 8, 10, 11, 20])
def test_every_class_has_a_colour_of_its_own(pca, iris, n_classes):
    display = DRAW(pca, iris, np.arange(150) % n_classes, components=[0, 1])
    colors = {tuple(points.get_facecolor()[0]) for points in display.scatters_[0]}
    assert len(colors) == n_classes


@pytest.mark.parametrize(
    ("y", "is_class"),
    [
        (np.arange(150) % 3, True),
        (np.arange(150) % 3.0, True),
        (np.arange(150) % 2 == 0, True),
        (np.linspace(0, 1, 150), False),
        (np.arange(150), False),
        ((np.arange(150) % 30).astype(str), True),
    ],
    ids=["ints", "whole floats", "bools", "floats", "many ints", "names"],
)
def test_classes_or_numbers(pca, iris, y, is_class):
    display = DRAW(pca, iris, y, components=[0, 1])
    assert (display.legend_ is not None) == is_class
    assert (display.colorbar_ is not None) == (not is_class)
    display.figure_.canvas.draw()


def test_a_legend_has_room_for_so_many(pca, iris):
    display = DRAW(pca, iris, (np.arange(150) % 50).astype(str), components=[0, 1])
    assert display.legend_ is None
    assert len(display.texts_) == 50
    display.figure_.canvas.draw()


def test_numbers(pca, iris):
    y = pd.Series(iris[:, 3], name="width")
    display = DRAW(pca, iris, y)
    assert display.colorbar_.ax.get_ylabel() == "width"
    for (points,) in display.scatters_:
        assert_array_equal(points.get_array(), y)


def test_frames_and_sparse_codes(pca, iris, models, digits):
    framed = clone(pca).set_output(transform="pandas").fit(pd.DataFrame(iris))
    display = DRAW(framed, pd.DataFrame(iris), components=[0, 1])
    assert_allclose(display.codes, pca.transform(iris), atol=1e-12)
    coder = models["sparse"]
    dense = coder.transform(digits[:9])
    coder = clone(coder).set_params(sparse_output=True).fit(digits[:200])
    assert scipy.sparse.issparse(coder.transform(digits[:9]))
    assert_array_equal(DRAW(coder, digits[:9]).codes, dense)


def test_styles_are_passed_on(pca, iris):
    display = DRAW(pca, iris, scatter_kwargs={"s": 3, "alpha": 0.5}, components=[0, 1])
    ((points,),) = display.scatters_
    assert points.get_sizes() == [3]
    assert points.get_alpha() == 0.5
    assert display.plot(scatter_kwargs={"color": "red"}).scatters_


@pytest.mark.parametrize("components", [[0], 1])
def test_a_single_component(pca, iris, components):
    with pytest.raises(ValueError, match="at least two components out of 4"):
        DRAW(pca, iris, components=components)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.where(np.arange(150), 1.0, np.nan), "y must hold classes of one type, or finite"),
        (np.where(np.arange(150), 1.0, np.inf), "y must hold classes of one type, or finite"),
        ([None, *CLASSES[1:]], "y must hold classes of one type, or finite"),
        ([float("nan"), *np.ones(149)], "y must hold classes of one type, or finite"),
        (pd.Series([None, *np.ones(149)], dtype="Int64"), "y must hold classes of one type, or"),
        (pd.Series([float("nan"), *CLASSES[1:]]), "y must hold classes of one type, or finite"),
        (np.array([float("nan"), *np.ones(149)], dtype=object), "y must hold classes of one type"),
        (np.ones((150, 2)), "y should be a 1d array"),
    ],
    ids=["nan", "inf", "None", "list", "nullable", "names", "objects", "two"],
)
def test_labels_that_are_missing(pca, iris, y, message):
    with pytest.raises(ValueError, match=message):
        DRAW(pca, iris, y)


@pytest.mark.parametrize("components", [[0, 4], [-1, 0], [], [0.9, 1.9]])
def test_bad_components(pca, iris, components):
    with pytest.raises(ValueError, match="components must be ints from 0 to 3"):
        DRAW(pca, iris, components=components)


def test_what_is_refused(iris, pca):
    with pytest.raises(ValueError, match="at least two components out of 1"):
        DRAW(PCA(1).fit(iris), iris)
    with pytest.raises(TypeError, match="transform, but DBSCAN has none"):
        DRAW(DBSCAN().fit(iris), iris)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        DRAW(pca, iris, CLASSES[:-1])
    with pytest.raises(ValueError, match="Expected ax to have 6 axes, got 2"):
        DRAW(pca, iris, ax=[None, None])
