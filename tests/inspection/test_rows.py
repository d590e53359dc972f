"""Rows as they are drawn."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import ConvAutoencoder
from skae.inspection._rows import are_images, arrange_rows, find_feature_names

COUNT = np.arange(5 * 24.0)


@pytest.mark.parametrize(
    ("shape", "image_shape", "expected"),
    [
        ((24,), None, (24,)),
        ((4, 6), None, (4, 6)),
        ((24,), (4, 6), (4, 6)),
        ((24,), [4, 6], (4, 6)),
        ((24,), (1, 4, 6), (4, 6)),
        ((24,), (4, 6, 1), (4, 6)),
        ((24,), (4, 2, 3), (4, 2, 3)),
        ((24,), (3, 4, 2), (4, 2, 3)),
        ((24,), (2, 3, 4), (2, 3, 4)),
        ((3, 4, 2), None, (4, 2, 3)),
        ((4, 2, 3), None, (4, 2, 3)),
        ((4, 2, 3), (3, 8), (3, 8)),
    ],
)
def test_shapes(shape, image_shape, expected):
    rows = COUNT.reshape(5, *shape)
    arranged = arrange_rows(rows, None, image_shape)
    assert arranged.shape == (5, *expected)
    assert are_images(arranged) == (len(expected) > 1)


def test_channels_go_last():
    rows = COUNT.reshape(5, 24)
    assert_array_equal(
        arrange_rows(rows, None, (3, 4, 2))[2, 1, 0], rows[2].reshape(3, 4, 2)[:, 1, 0]
    )


@pytest.mark.parametrize(
    ("shape", "image_shape", "message"),
    [
        ((24,), (5, 5), r"image_shape=\(5, 5\) has 25 numbers, but a row has 24"),
        ((24,), (4.0, 6.0), "must be a sequence of ints such as"),
        ((24,), "square", "must be a sequence of ints such as"),
        ((24,), 24, "must be a sequence of ints such as"),
        ((24,), (0, 24), "must be a sequence of ints such as"),
        ((24,), (24,), r"Images of shape \(24,\) cannot be drawn"),
        ((24,), (2, 6, 2), r"Images of shape \(2, 6, 2\) cannot be drawn"),
        ((2, 6, 2), None, r"Images of shape \(2, 6, 2\) cannot be drawn"),
        ((2, 2, 2, 3), None, r"Images of shape \(2, 2, 2, 3\) cannot be drawn"),
    ],
)
def test_what_is_no_image(shape, image_shape, message):
    with pytest.raises(ValueError, match=message):
        arrange_rows(COUNT.reshape(5, *shape), None, image_shape)


def test_a_square_number_of_features_is_no_image():
    """Four features of a flower are no picture of two by two pixels."""
    assert not are_images(arrange_rows(np.ones((3, 64)), None, None))


CONVOLUTIONAL = {
    "grey": ((4, 6), {}, (4, 6)),
    "channels first": ((3, 4, 5), {}, (4, 5, 3)),
    "channels last": ((4, 5, 3), {"channels": "last"}, (4, 5, 3)),
    "ambiguous": ((3, 7, 3), {"image_shape": (3, 7, 3)}, (7, 3, 3)),
    "flattened": ((24,), {"image_shape": (1, 4, 6)}, (4, 6)),
    "signal": ((24,), {}, (24,)),
    "signal with channels": ((12, 2), {"channels": "last"}, (24,)),
    "volume": ((1, 3, 4, 4), {"kernel_size": 3}, (4, 4)),
}


@pytest.mark.parametrize("name", CONVOLUTIONAL)
@pytest.mark.filterwarnings("ignore:Images of shape:UserWarning")
def test_what_a_convolutional_autoencoder_knows(name):
    shape, parameters, expected = CONVOLUTIONAL[name]
    X = np.random.default_rng(0).normal(size=(20, *shape))
    conv = ConvAutoencoder(1, hidden_channels=(2,), max_iter=0, **parameters)
    pipeline = make_pipeline(FunctionTransformer(), conv).fit(X)
    for estimator in (conv, pipeline):
        for rows in (X, X.reshape(20, -1)):
            assert arrange_rows(rows, estimator, None).shape == (20, *expected)


def test_rows_that_an_autoencoder_does_not_see(digits):
    """As many numbers as pixels, but others: principal components are in between."""
    conv = ConvAutoencoder(
        1, image_shape=(1, 4, 4), hidden_channels=(2,), kernel_size=3, max_iter=0
    )
    X = np.random.default_rng(0).normal(size=(50, 16))
    mixed, scaled = (
        make_pipeline(step, clone(conv)).fit(X) for step in (PCA(16), StandardScaler())
    )
    assert arrange_rows(X, mixed, None).shape == (50, 16)
    assert arrange_rows(X, scaled, None).shape == (50, 4, 4)


def test_channels_of_a_signal_follow_each_other():
    X = np.random.default_rng(0).normal(size=(20, 12, 2))
    conv = ConvAutoencoder(1, hidden_channels=(2,), channels="last", max_iter=0).fit(X)
    assert_array_equal(arrange_rows(X, conv, None)[3], X[3].T.ravel())


def test_of_a_volume_there_is_the_middle():
    X = np.random.default_rng(0).normal(size=(20, 1, 3, 4, 4))
    conv = ConvAutoencoder(1, hidden_channels=(2,), kernel_size=3, max_iter=0).fit(X)
    assert_array_equal(arrange_rows(X, conv, None), X[:, 0, 1])


def test_channels_that_have_no_colours():
    X = np.random.default_rng(0).normal(size=(20, 2, 6, 5))
    conv = ConvAutoencoder(1, hidden_channels=(2,), max_iter=0).fit(X)
    with pytest.raises(ValueError, match="Images with 2 channels cannot be drawn"):
        arrange_rows(X, conv, None)


def test_rows_of_another_size_than_the_estimator_knows(models):
    assert arrange_rows(np.ones((3, 10)), models["conv"], None).shape == (3, 10)


def test_names_are_those_of_the_features():
    class Named:
        feature_names_in_ = np.array(["a", "b"], dtype=object)

    assert find_feature_names(Named(), np.ones((3, 2))) == ["a", "b"]
    assert find_feature_names(Named(), np.ones((3, 2)), ["c", 3]) == ["c", "3"]
    assert find_feature_names(Named(), np.ones((3, 3))) is None
    assert find_feature_names(Named(), np.ones((3, 1, 2))) is None
    assert find_feature_names(None, np.ones((3, 2))) is None
    assert find_feature_names(None, np.ones((3, 1, 2)), ["a", "b"]) is None
    with pytest.raises(ValueError, match="feature_names must have 2 names, one per feature"):
        find_feature_names(None, np.ones((3, 2)), ["a"])
