"""Losses of a training."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderCV, AutoencoderTransformer
from skae.inspection import LossCurveDisplay

DRAW = LossCurveDisplay.from_estimator
QUICK = AutoencoderTransformer(2, max_iter=4, random_state=0)


@pytest.mark.parametrize("name", ["autoencoder", "vae", "sparse", "conv"])
def test_lines_are_the_losses(models, name):
    model = models[name]
    display = DRAW(model)
    training, validation = display.lines_
    assert_array_equal(training.get_ydata(), model.loss_curve_)
    assert_array_equal(validation.get_ydata(), model.validation_curve_)
    assert_array_equal(training.get_xdata(), range(model.n_iter_ + 1))
    (epoch,), (loss,) = display.best_.get_data()
    assert epoch == model.best_iter_
    assert loss == model.validation_curve_[model.best_iter_]
    assert display.start_.get_ydata()[0] == model.validation_curve_[0]
    is_linear = name != "sparse"
    assert display.start_.get_label() == ("linear start" if is_linear else "start")


def test_without_held_out_rows(iris):
    model = AutoencoderTransformer(2, max_iter=4, early_stopping=False, random_state=0).fit(iris)
    display = DRAW(model)
    assert len(display.lines_) == 1
    assert display.start_.get_ydata()[0] == model.loss_curve_[0]
    assert display.best_.get_ydata()[0] == model.loss_curve_[model.best_iter_]


def test_a_frozen_pipeline(iris):
    pipeline = make_pipeline(StandardScaler(), QUICK).fit(iris)
    display = DRAW(FrozenEstimator(pipeline))
    assert_array_equal(display.loss_curve, pipeline[-1].loss_curve_)
    assert DRAW(FrozenEstimator(pipeline[-1])).start_name == "linear start"


def test_without_epochs(iris):
    display = DRAW(AutoencoderTransformer(2, max_iter=0).fit(iris))
    assert display.best_.get_label() == "kept: the start"
    assert all(line.get_marker() == "o" for line in display.lines_)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), QUICK),
        make_pipeline(QUICK, LogisticRegression()),
        GridSearchCV(make_pipeline(QUICK), {}, cv=2),
        AutoencoderCV([1, 2], estimator=QUICK, cv=2),
    ],
    ids=["last", "first", "search", "chosen"],
)
def test_what_was_trained_is_found(iris, model):
    display = DRAW(model.fit(iris, np.repeat([0, 1, 2], 50)))
    assert len(display.loss_curve) == 5


@pytest.mark.parametrize("parameters", [{"init": "random"}, {"warm_start": True}])
def test_other_starts_are_not_called_linear(iris, parameters):
    model = AutoencoderTransformer(2, max_iter=2, random_state=0, **parameters).fit(iris)
    assert DRAW(model).start_.get_label() == "start"


@pytest.mark.parametrize(
    ("losses", "scale"),
    [([1.0, 0.5, 0.2], "linear"), ([1.0, 0.1, 0.01], "log"), ([1.0, -5.0, 0.1], "linear")],
)
def test_scales(losses, scale):
    display = LossCurveDisplay(loss_curve=losses, best_iter=2).plot()
    assert display.ax_.get_yscale() == scale
    assert LossCurveDisplay(loss_curve=losses).plot().best_ is None


def test_what_is_refused(iris):
    with pytest.raises(TypeError, match="PCA does not keep its losses"):
        DRAW(make_pipeline(StandardScaler(), PCA()).fit(iris))
    with pytest.raises(NotFittedError):
        DRAW(make_pipeline(StandardScaler(), AutoencoderTransformer()))
