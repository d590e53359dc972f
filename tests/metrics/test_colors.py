"""Distances of colours, against scikit-image."""

import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab
from sklearn.dummy import DummyRegressor
from sklearn.metrics import make_scorer

from skae.metrics import ab_error, neg_ab_error_scorer


@pytest.fixture
def pair():
    return np.random.default_rng(0).uniform(size=(2, 4, 3, 9, 12))


def test_it_is_the_distance_in_scikit_images_lab(pair):
    true, predicted = (rgb2lab(images, channel_axis=1)[:, 1:] for images in pair)
    expected = np.linalg.norm(true - predicted, axis=1).mean()
    assert ab_error(*pair) == pytest.approx(expected, abs=0.01)


def test_a_known_distance():
    lab = np.full((1, 5, 6, 3), 50.0)
    true, moved = lab2rgb(lab - [0, 50, 45]), lab2rgb(lab - [20, 46, 42])
    assert ab_error(true, moved, channels="last") == pytest.approx(5, abs=0.01)
    assert ab_error(true, true, channels="last") == 0


def test_layouts_of_the_same_images(pair):
    expected = ab_error(*pair)
    last = [np.moveaxis(images, 1, -1) for images in pair]
    assert ab_error(*last, channels="last") == pytest.approx(expected)
    flat = (images.reshape(4, -1) for images in pair)
    assert ab_error(*flat, image_shape=(3, 9, 12)) == pytest.approx(expected)
    flat = (images.reshape(4, -1) for images in last)
    assert ab_error(*flat, image_shape=(9, 12, 3), channels="last") == pytest.approx(expected)


def test_scorer(pair):
    class Constant(DummyRegressor):
        def predict(self, X):
            return X

    estimator, (y, X) = Constant(), pair
    assert neg_ab_error_scorer(estimator, X, y) == -ab_error(y, X)
    assert make_scorer(ab_error, greater_is_better=False)(estimator, X, y) == -ab_error(y, X)


def test_what_is_refused(pair):
    true, predicted = pair
    with pytest.raises(ValueError, match=r"y_true has the shape \(4, .*, but y_pred \(3, "):
        ab_error(true, predicted[1:])
    with pytest.raises(ValueError, match=r"y_pred has values from 0.* divide by 255"):
        ab_error(true, np.rint(255 * predicted))
    for wrong in (true[:, :2], np.moveaxis(true, 1, -1), true[:, 0], true.reshape(4, -1)):
        with pytest.raises(ValueError, match=r"needs RGB images of shape \(3, height, width\)"):
            ab_error(wrong, wrong)
    with pytest.raises(ValueError, match=r"needs RGB images of shape \(height, width, 3\)"):
        ab_error(true, true, channels="last")
    with pytest.raises(ValueError, match="The 'channels' parameter of ab_error"):
        ab_error(true, true, channels="middle")
    with pytest.raises(ValueError, match="Set channels, or image_shape"):
        ab_error(true, true, image_shape=(3, 9, 13))
