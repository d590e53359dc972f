"""Rows drawn from a model."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import sample
from skae.inspection import SampleDisplay

DRAW = SampleDisplay.from_estimator


def test_images_are_draws(models):
    display = DRAW(models["vae"], n_samples=7, random_state=3, image_shape=(8, 8), n_cols=7)
    expected = sample(models["vae"], 7, random_state=3)
    assert_array_equal(display.samples.reshape(7, 64), expected)
    assert_array_equal(display.image_.get_array()[:, :8], display.samples[0])
    assert DRAW(models["conv"], random_state=0).samples.shape == (36, 8, 8)


def test_signals_and_whole_pipelines(digits):
    pipeline = make_pipeline(StandardScaler(), PCA(3), GaussianMixture(2, random_state=0))
    display = DRAW(pipeline.fit(digits[:100]), n_samples=5, random_state=0)
    expected = sample(pipeline, 5, random_state=0)
    assert len(display.lines_) == 5
    for line, row in zip(display.lines_, expected, strict=True):
        assert_array_equal(line.get_ydata(), row)


def test_tables(iris):
    names = list("abcd")
    mixture = make_pipeline(StandardScaler(), GaussianMixture(3, random_state=0))
    mixture.fit(pd.DataFrame(iris, columns=names))
    display = DRAW(mixture, n_samples=9, random_state=0)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == names
    assert_array_equal(display.lines_[2].get_xdata(), display.samples[2])
    named = DRAW(mixture[1], n_samples=9, random_state=0, feature_names=names)
    assert [label.get_text() for label in named.ax_.get_yticklabels()] == names


def test_many_features_are_numbered(models):
    names = [f"pixel {i}" for i in range(64)]
    display = DRAW(models["vae"], n_samples=2, feature_names=names, random_state=0)
    assert display.ax_.get_xlabel() == "feature"
    assert_array_equal(np.array(display.ax_.get_xlim()), [-0.5, 63.5])


def test_what_is_refused(models):
    with pytest.raises(TypeError, match=r"method sample\. Got PCA"):
        DRAW(models["pca"])
    with pytest.raises(ValueError, match="n_samples must be an int of at least 1"):
        DRAW(models["vae"], n_samples=0)
    with pytest.raises(ValueError, match=r"image_shape=\(8, 9\) has 72 numbers"):
        DRAW(models["vae"], image_shape=(8, 9), random_state=0)
