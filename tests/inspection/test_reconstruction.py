"""Originals, reconstructions and differences."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae.inspection import ReconstructionDisplay

DRAW = ReconstructionDisplay.from_estimator
NAMES = ["a", "b", "c", "d"]


def test_images_are_those_of_the_estimator(models, digits):
    model, X = models["autoencoder"], digits[:12]
    display = DRAW(model, X, image_shape=(8, 8), n_samples=5)
    expected = model.inverse_transform(model.transform(X))
    assert_allclose(display.X_reconstructed.reshape(12, 64), expected)
    for image, values in zip(display.images_, (X, expected, expected - X), strict=True):
        picture = image.get_array()
        assert picture.shape == (8, 44)
        assert_allclose(picture[:, :8], values[0].reshape(8, 8))
        assert_allclose(picture[:, 36:], values[4].reshape(8, 8))
    for image in display.images_[:2]:
        assert image.get_clim() == (X[:5].min(), X[:5].max())


def test_many_images_go_on_in_new_lines(models, digits):
    model, X = models["autoencoder"], digits[:40]
    display = DRAW(model, X, image_shape=(8, 8), n_samples=30)
    expected = model.inverse_transform(model.transform(X))
    images = np.reshape(display.images_, (3, 3))
    for kind, values in zip(images.T, (X, expected, expected - X), strict=True):
        # three times ten images, in common colours
        for group, image in enumerate(kind):
            assert image.get_array().shape == (8, 89)
            last = values[10 * group + 9].reshape(8, 8)
            assert_allclose(image.get_array()[:, -8:], last)
            assert image.get_clim() == kind[0].get_clim()
    # below each other, without an overlap
    assert [image.get_extent()[3] for image in images.ravel()] == [9 * row for row in range(9)]
    assert len(display.ax_.get_yticklabels()) == 9
    width, height = display.figure_.get_size_inches()
    assert max(width, height) < 12
    assert display.colorbar_.mappable is images[2, 2]


def test_the_last_line_may_be_shorter(models, digits):
    display = DRAW(models["pca"], digits[:13], image_shape=(8, 8), n_samples=13)
    assert [image.get_array().shape for image in display.images_] == [(8, 62)] * 6
    assert display.images_[-1].get_array().mask[:, 54:].all()


def test_differences_are_white_at_zero(models, digits):
    *_, difference = DRAW(models["pca"], digits[:8], image_shape=(8, 8)).images_
    low, high = difference.get_clim()
    assert low == -high == -np.abs(difference.get_array()).max()
    assert difference.cmap(0.5) == pytest.approx((0.97, 0.97, 0.97, 1), abs=0.01)


def test_the_estimator_knows_its_images(models, digits):
    for X in (digits[:9], digits[:9].reshape(-1, 8, 8)):
        assert DRAW(models["conv"], X).X.shape == (9, 8, 8)


def test_colours():
    X = np.random.default_rng(0).uniform(size=(20, 48))
    display = DRAW(PCA(2).fit(X), X, image_shape=(4, 4, 3))
    original, reconstruction, difference = display.images_
    assert original.get_array().shape[-1] == reconstruction.get_array().shape[-1] == 4
    expected = (display.X_reconstructed - display.X)[0].mean(axis=-1)
    assert_allclose(difference.get_array()[:, :4], expected)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels[2] == "difference\n(mean of channels)"
    assert display.plot(kind="features").images_[0].get_array().shape == (4, 4)


def test_signals(models, digits):
    model, X = models["pca"], digits[:9]
    display = DRAW(model, X, kind="signals", n_samples=2)
    expected = model.inverse_transform(model.transform(X))
    assert len(display.axes_) == 4
    for i in range(2):
        original, reconstructed, difference = display.lines_[3 * i : 3 * i + 3]
        assert_array_equal(original.get_ydata(), X[i])
        assert_allclose(reconstructed.get_ydata(), expected[i])
        assert_allclose(difference.get_ydata(), expected[i] - X[i])
    low, high = display.axes_[1].get_ylim()
    assert low == -high
    assert display.axes_[3].get_ylim() == (low, high)


@pytest.mark.parametrize("model", [PCA(2), make_pipeline(StandardScaler(), PCA(2))], ids=repr)
def test_errors_of_features_are_what_r2_lacks(iris, model):
    display = DRAW(model.fit(iris), iris)
    expected = 1 - r2_score(iris, display.X_reconstructed, multioutput="raw_values")
    assert_allclose([bar.get_height() for bar in display.bars_], expected)
    assert display.ax_.get_ylabel() == "share of the variance that is lost"


def test_names_are_written_out(iris):
    frame = pd.DataFrame(iris, columns=NAMES)
    display = DRAW(PCA(2).fit(frame), frame)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == NAMES
    assert display.ax_.yaxis_inverted()
    expected = 1 - r2_score(iris, display.X_reconstructed, multioutput="raw_values")
    assert_allclose([bar.get_width() for bar in display.bars_], expected)


def test_constant_features_have_no_share(iris):
    X = np.hstack([iris[:, :2], np.full((150, 1), 0.1), iris[:, 2:]])
    display = DRAW(PCA(2).fit(X), X)
    assert len(display.bars_) == 4
    centres = [bar.get_x() + bar.get_width() / 2 for bar in display.bars_]
    assert_allclose(centres, [0, 1, 3, 4])


def test_rows_without_any_variance(iris):
    with pytest.raises(ValueError, match=r"No feature of X varies.*Give more rows"):
        DRAW(PCA(2).fit(iris), iris[:1])


def test_maps_of_errors(models, digits):
    display = DRAW(models["pca"], digits[:50], image_shape=(8, 8), kind="features")
    (image,) = display.images_
    expected = np.square(display.X - display.X_reconstructed).mean(axis=0)
    assert_allclose(image.get_array(), expected)
    assert image.get_clim()[0] == 0


def test_reconstructions_that_are_there(digits):
    X = digits[:20]
    frames = [pd.DataFrame(values) for values in (X, X + 1)]
    display = ReconstructionDisplay.from_reconstructions(*frames, image_shape=(8, 8))
    *_, difference = display.images_
    assert_array_equal(difference.get_array()[:, :8], 1)
    table = pd.DataFrame(X[:, 2:6], columns=NAMES)
    display = ReconstructionDisplay.from_reconstructions(table, table)
    assert [bar.get_width() for bar in display.bars_] == [0] * 4
    with pytest.raises(ValueError, match=r"X has shape \(20, 64\), but .* has \(20, 63\)"):
        ReconstructionDisplay.from_reconstructions(X, X[:, :-1])


def test_few_rows(models, digits):
    display = DRAW(models["pca"], digits[:3], image_shape=(8, 8), n_samples=100)
    assert display.images_[2].get_array().shape == (8, 26)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "pictures"}, "kind must be one of auto, images, signals, features. Got 'pictu"),
        ({"kind": "images"}, r"kind='images' is not possible for rows of shape \(64,\)"),
        ({"kind": "signals", "image_shape": (8, 8)}, "kind='signals' is not possible for rows of"),
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) has 72 numbers, but a row has 64"),
        ({"image_shape": (8, 8), "n_samples": 0}, "n_samples must be an int of at least 1. Got 0"),
        ({"kind": "signals", "n_samples": 2.5}, "n_samples must be an int of .* Got 2.5"),
        ({"kind": "signals", "ax": [1, 2]}, "Expected ax to have 8 axes, got 2"),
    ],
    ids=["kind", "no images", "images", "shape", "none", "share", "axes"],
)
def test_what_is_refused(models, digits, parameters, message):
    with pytest.raises(ValueError, match=message):
        DRAW(models["pca"], digits[:10], **parameters)


def test_estimators_without_a_way_back(digits):
    with pytest.raises(TypeError, match="KMeans has no inverse_transform"):
        DRAW(KMeans(2, random_state=0).fit(digits[:50]), digits[:50], ax=Figure().subplots())


@pytest.mark.parametrize("kind", ["auto", "signals", "features"])
def test_no_rows(digits, kind):
    with pytest.raises(ValueError, match=r"X must have at least one row. Got shape \(0, 64\)"):
        ReconstructionDisplay.from_reconstructions(digits[:0], digits[:0], kind=kind)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none(digits, bad):
    X = digits[:5]
    worse = np.full_like(X, bad)
    with pytest.raises(ValueError, match="Input X contains"):
        ReconstructionDisplay.from_reconstructions(worse, X)
    with pytest.raises(ValueError, match="Input X_reconstructed contains"):
        ReconstructionDisplay.from_reconstructions(X, worse)
