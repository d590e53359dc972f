"""What all estimators of images have in common."""

import pickle
import signal
from copy import deepcopy

import numpy as np
import pytest
import sklearn
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
)
from sklearn.utils.fixes import parse_version

from skae.engine import GradientStep
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.persistence import load, save

QUICK = {"base_channels": 4, "depth": 1, "max_iter": 2, "random_state": 0}
GREY = load_digits().images[:60] / 16
NOISY = GREY + np.random.default_rng(0).normal(scale=0.3, size=GREY.shape)
COLORS = np.stack([GREY, GREY**2, 1 - GREY], axis=1)
MASKS = np.digitize(GREY, [0.25, 0.6])
IMAGE_ESTIMATORS = {
    "regressor": (
        ImageToImageRegressor(corruption="gaussian", augment="flip", **QUICK),
        NOISY,
        GREY,
    ),
    "regressor, ssim": (ImageToImageRegressor(loss="ssim", **QUICK), NOISY, GREY),
    "colorizer": (ImageColorizer(augment="rotate", **QUICK), GREY, COLORS),
    "colorizer, rgb": (
        ImageColorizer(color_space="rgb", per_channel=True, **QUICK | {"base_channels": 2}),
        GREY[:, None],
        COLORS,
    ),
    "segmenter": (ImageSegmenter(augment="flip", **QUICK), NOISY, MASKS),
    "segmenter, focal": (
        ImageSegmenter(loss="focal", class_weight="balanced", ignore_index=255, **QUICK),
        NOISY,
        np.where(MASKS == 1, 255, MASKS).astype(np.uint8),
    ),
}
"""An estimator that is quick, and what it may be fitted to: 60 images of 8 x 8 pixels."""


@pytest.fixture(params=IMAGE_ESTIMATORS.values(), ids=IMAGE_ESTIMATORS)
def case(request):
    """Return an estimator that is not fitted, X and y."""
    estimator, X, y = request.param
    return clone(estimator), X, y


# Results.


def test_images_do_not_depend_on_each_other(case):
    model, X, y = case
    model.fit(X, y)
    apart = np.concatenate([model.predict(image[None]) for image in X[:10]])
    assert_allclose(model.predict(X)[:10], apart, atol=1e-12)


def test_the_same_seed_the_same_result(case):
    model, X, y = case
    model.set_params(augment=["flip", "rotate"], patch_size=7, filter_size=3)
    state = torch.get_rng_state()
    one, same = (clone(model).fit(X, y) for _ in "ab")
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert (torch.get_rng_state() == state).all()
    assert_array_equal(one.predict(X), same.predict(X))
    assert one.loss_curve_ == same.loss_curve_ != other.loss_curve_


def test_a_second_fit_is_the_first(case):
    model, X, y = case
    expected, curve = model.fit(X, y).predict(X), model.loss_curve_
    assert_array_equal(model.fit(X, y).predict(X), expected)
    assert model.loss_curve_ == curve


def test_images_of_another_size(case):
    model, X, y = case
    predicted = model.fit(X, y).predict(X[..., :5])
    assert predicted.shape == (*y.shape[:-1], 5)


def test_flattened_images(case):
    model, X, y = case
    expected = clone(model).fit(X, y)
    flat_X, flat_y = X.reshape(60, -1), y.reshape(60, -1)
    model.set_params(image_shape=(1, 8, 8)).fit(flat_X, flat_y)
    assert_array_equal(model.predict(flat_X), expected.predict(X).reshape(60, -1))
    assert model.score(flat_X, flat_y) == expected.score(X, y)


# scikit-learn's conventions.


def test_parameters(case):
    model, _, _ = case
    check_get_params_invariance(type(model).__name__, model)
    check_no_attributes_set_in_init(type(model).__name__, model)
    assert not model.__sklearn_tags__().input_tags.two_d_array
    model.set_params(image_shape=(1, 8, 8))
    assert model.__sklearn_tags__().input_tags.two_d_array


def test_splits_folds_and_searches(case):
    model, X, y = case
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    folds = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(model, {"base_channels": [2, 4]}, cv=folds).fit(X_train, y_train)
    assert search.predict(X_test).shape == y_test.shape
    assert search.score(X_test, y_test) == search.best_estimator_.score(X_test, y_test)
    assert np.isfinite(cross_val_score(model, X, y, cv=2)).all()


def test_what_is_not_fitted(case):
    model, X, _ = case
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_a_fit_that_fails_leaves_no_trace(case):
    model, X, y = case
    expected = model.fit(X, y).predict(X)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(X[..., :5], np.nan), y[..., :5])
    with pytest.raises(ValueError, match="X has 60 images, y has 59"):
        model.fit(X[..., :5], y[1:, ..., :5])
    assert_array_equal(model.predict(X), expected)


# State.


def test_pickles_hold_plain_values(case):
    model, X, y = case
    dump = pickle.dumps(model.fit(X, y))
    assert b"torch" not in dump
    assert dump.count(b"skae") == 1
    for same in pickle.loads(dump), deepcopy(model):
        assert_array_equal(same.predict(X), model.predict(X))


def test_skops_has_one_class_to_trust(case):
    model, X, y = case
    dump = skops.io.dumps(model.fit(X, y))
    trusted = skops.io.get_untrusted_types(data=dump)
    assert trusted == [f"{type(model).__module__}.{type(model).__name__}"]
    same = skops.io.loads(dump, trusted=trusted)
    assert_array_equal(same.predict(X), model.predict(X))


def test_files(case, tmp_path):
    model, X, y = case
    save(model.fit(X, y), tmp_path / "file")
    same = load(tmp_path / "file")
    assert type(same) is type(model)
    assert repr(same.get_params()) == repr(model.get_params())
    assert_array_equal(same.predict(X), model.predict(X))
    assert same.score(X, y) == model.score(X, y)


def test_warm_start(case):
    model, X, y = case
    random = {"augment", "corruption"} & model.get_params().keys()
    model.set_params(**dict.fromkeys(random))
    model.set_params(early_stopping=False, learning_rate_init=0.01, max_iter=5).fit(X, y)
    start, *_, end = model.loss_curve_
    assert end < 0.99 * start
    on = clone(model).set_params(warm_start=model, max_iter=0).fit(X, y)
    assert_allclose(on.predict(X), model.predict(X), atol=1e-12)
    model.set_params(warm_start=True).fit(X, y)
    assert abs(model.loss_curve_[0] - end) < 0.2 * (start - end)
    with pytest.raises(ValueError, match="network of the same shape"):
        clone(model).set_params(warm_start=model, base_channels=5).fit(X, y)


def test_a_fit_that_was_cut_off_goes_on(case, tmp_path, monkeypatch):
    model, X, y = case
    model.set_params(max_iter=4, checkpoint=tmp_path, checkpoint_every=2, batch_size=10)
    expected = clone(model).fit(X, y)
    assert not list(tmp_path.iterdir())
    update = GradientStep.update

    def die(step, batch):
        if step.n_updates == 15:
            raise RuntimeError("died")
        return update(step, batch)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStep, "update", die)
        with pytest.raises(RuntimeError, match="died"):
            clone(model).fit(X, y)
    (file,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="checkpoint needs random_state"):
        clone(model).set_params(random_state=None).fit(X, y)
    clone(model).fit(X[::-1], y)
    assert file.exists()
    model.fit(X, y)
    assert not file.exists()
    assert model.loss_curve_ == expected.loss_curve_
    assert_array_equal(model.predict(X), expected.predict(X))


# Who looks on, and who interrupts.


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones show no fitted attributes and have no callbacks",
)
class TestSklearn19:
    def test_callbacks_see_the_estimator_of_every_epoch(self, case):
        model, X, y = case
        scores = []

        class Diary:
            def setup(self, estimator, context):
                pass

            def on_fit_task_begin(self, estimator, context, *, X, y):
                pass

            def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
                if context.task_name == "epoch":
                    scores.append(fitted_estimator.score(X, y))
                return len(scores) == 2

            def teardown(self, estimator, context):
                pass

        model.set_params(max_iter=5).set_callbacks(Diary()).fit(X, y)
        assert model.n_iter_ == len(scores) == 2

    def test_callbacks_are_torn_down_after_an_error(self, case):
        model, X, y = case
        told = []

        class Pruning:
            def setup(self, estimator, context):
                told.append("setup")

            def on_fit_task_begin(self, estimator, context):
                pass

            def on_fit_task_end(self, estimator, context):
                raise KeyError("pruned")

            def teardown(self, estimator, context):
                told.append("teardown")

        before = set(model.set_callbacks(Pruning()).__dict__)
        with pytest.raises(KeyError, match="pruned"):
            model.fit(X, y)
        assert told == ["setup", "teardown"]
        assert set(model.__dict__) == before

    def test_parameters_and_attributes_are_described(self, case):
        model, X, y = case
        shown = model.fit(X, y)._repr_html_()
        described = shown.count('<span class="param-doc-description"')
        n_attributes = shown[shown.index("Fitted attributes") :].count('class="fitted-att-type"')
        assert n_attributes > 5
        assert described == len(model.get_params()) + n_attributes


def test_ctrl_c(case, monkeypatch):
    model, X, y = case
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    update = GradientStep.update

    def interrupt(step, batch):
        if step.n_updates == 15:
            signal.raise_signal(signal.SIGINT)
        return update(step, batch)

    monkeypatch.setattr(GradientStep, "update", interrupt)
    try:
        with pytest.warns(UserWarning, match="interrupted by user"):
            model.set_params(max_iter=10).fit(X, y)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert model.n_iter_ < 10
    assert np.isfinite(model.predict(X)).all()


def test_progress_is_printed(case, capsys):
    model, X, y = case
    model.set_params(verbose=2).fit(X, y)
    assert capsys.readouterr().out.count(f"{type(model).__name__} epoch") == 2


@pytest.mark.parametrize("name", ["regressor", "colorizer", "segmenter"])
def test_images_of_several_sizes(name):
    images = [np.zeros((16, 16)), np.zeros((16, 12))]
    with pytest.raises(ValueError, match=r"rows of different shapes.* Resize images"):
        clone(IMAGE_ESTIMATORS[name][0]).fit(images, images)
