"""ImageToImageRegressor."""

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
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
)
from sklearn.utils.fixes import parse_version

from skae.engine import GradientStep
from skae.image import ImageToImageRegressor
from skae.image._filter import find_patches
from skae.metrics import psnr, psnr_scorer, ssim_scorer


@pytest.fixture(scope="module")
def pairs(digits):
    """120 noisy and clean digits, 8 x 8 pixels."""
    clean = digits[:120].reshape(-1, 8, 8) / 16
    noise = np.random.default_rng(0).normal(scale=0.3, size=clean.shape)
    return clean + noise, clean


def _quick(**parameters):
    return ImageToImageRegressor(
        **{"base_channels": 4, "depth": 1, "max_iter": 2, "random_state": 0} | parameters
    )


# Where it starts.


@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_start_is_the_best_linear_filter(pairs, size):
    X, y = pairs
    model = _quick(max_iter=0, filter_size=size).fit(X, y)
    design = np.hstack([find_patches(X[:, None], size), np.ones((y.size, 1))])
    weights = np.linalg.lstsq(design, y.ravel())[0]
    assert_allclose(model.predict(X).ravel(), design @ weights, atol=1e-8)
    assert model.best_iter_ == model.n_iter_ == 0


def test_the_loss_of_the_start_is_the_share_of_the_variance_that_it_leaves(pairs):
    X, y = pairs
    model = _quick(max_iter=0, early_stopping=False).fit(X, y)
    assert_allclose(model.loss_curve_[0], 1 - model.score(X, y), rtol=1e-5)


def test_the_identity_start(pairs):
    X, y = pairs
    model = _quick(max_iter=0, residual="identity").fit(X, 3 * y + 5)
    assert_allclose(model.predict(X), X, atol=1e-12)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "ssim"])
def test_without_noise_there_is_nothing_to_learn(pairs, loss):
    y = pairs[1]
    model = _quick(loss=loss).fit(y, y)
    assert_allclose(model.predict(y), y, atol=1e-3)


@pytest.mark.parametrize("residual", ["linear", "identity", None])
@pytest.mark.parametrize("architecture", ["unet", "autoencoder"])
def test_it_is_never_worse_than_its_start(pairs, residual, architecture):
    model = _quick(residual=residual, architecture=architecture, max_iter=3).fit(*pairs)
    kept = model.validation_curve_[model.best_iter_]
    assert kept == min(model.validation_curve_[0], kept)
    assert len(model.loss_curve_) == len(model.validation_curve_) == model.n_iter_ + 1


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "ssim"])
def test_it_learns_what_no_filter_can(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 12, 12))
    y = np.abs(X)
    model = _quick(loss=loss, base_channels=8, max_iter=20, learning_rate_init=0.01)
    model.fit(X[:60], y[:60])
    assert clone(model).set_params(max_iter=0).fit(X[:60], y[:60]).score(X[60:], y[60:]) < 0.1
    assert model.score(X[60:], y[60:]) > 0.5


def test_noise_that_is_drawn(pairs):
    """Clean images alone: the start is then Wiener's filter."""
    X, y = pairs
    model = _quick(corruption="gaussian", corruption_level=0.3, max_iter=6).fit(y)
    assert model.score(X, y) > 0.7
    start = _quick(corruption="gaussian", corruption_level=0.3, max_iter=0).fit(y)
    paired = _quick(max_iter=0).fit(X, y)
    assert start.score(X, y) == pytest.approx(paired.score(X, y), abs=0.02)


@pytest.mark.parametrize("corruption", ["gaussian", "masking", "salt_and_pepper"])
@pytest.mark.parametrize("has_target", [True, False])
def test_every_corruption(pairs, corruption, has_target):
    X = np.stack([pairs[1], 2 * pairs[1] + 1], axis=1)
    model = _quick(corruption=corruption, corruption_level=0.2, augment="rotate")
    model.fit(X, pairs[1] if has_target else None)
    assert model.predict(X).shape == (pairs[1].shape if has_target else X.shape)


# What does not change it.


def test_units(pairs):
    """Other units of X and y are other units of the predictions."""
    X, y = pairs
    expected = _quick().fit(X, y).predict(X)
    model = _quick().fit(8 * X + 300, 4 * y - 100)
    assert_allclose(model.predict(8 * X + 300), 4 * expected - 100, atol=1e-3)


def test_images_do_not_depend_on_each_other(pairs):
    X, y = pairs
    model = _quick().fit(X, y)
    apart = np.concatenate([model.predict(image[None]) for image in X[:10]])
    assert_allclose(model.predict(X)[:10], apart, atol=1e-12)


def test_the_same_seed_the_same_result(pairs):
    state = torch.get_rng_state()
    parameters = {"augment": ["flip", "rotate"], "corruption": "gaussian", "patch_size": 4}
    one, same = (_quick(filter_size=3, **parameters).fit(*pairs).predict(pairs[0]) for _ in "ab")
    assert_array_equal(one, same)
    assert (torch.get_rng_state() == state).all()
    other = _quick(filter_size=3, **parameters, random_state=1).fit(*pairs).predict(pairs[0])
    assert np.abs(one - other).max() > 1e-6


def test_single_precision(pairs):
    X, y = (images.astype(np.float32) for images in pairs)
    model = _quick().fit(X, y)
    assert model.predict(X).dtype == np.float32
    assert_allclose(model.predict(X), model.predict(X.astype(np.float64)), atol=1e-5)


# Patches, and images of any size.


@pytest.mark.parametrize("fold", [False, True])
def test_what_is_learned_from_patches_is_applied_to_whole_images(fold):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 90, 81))
    model = _quick(fold=fold, patch_size=16, batch_size=4, max_iter=2).fit(X, np.abs(X))
    whole, reach, step = model.predict(X), 24, 2
    crop = model.predict(X[:, 4 * step :, 6 * step :])
    assert model.best_iter_ > 0
    assert whole.shape == X.shape
    expected = whole[:, 4 * step :, 6 * step :]
    inside = slice(reach, -reach)
    assert crop[:, inside, inside].size > 300
    assert_allclose(crop[:, inside, inside], expected[:, inside, inside], atol=1e-12)


@pytest.mark.parametrize(("size", "is_folded"), [(31, False), (32, True)])
def test_large_images_are_folded(size, is_folded):
    X = np.random.default_rng(0).normal(size=(4, 40, 40))
    assert _quick(max_iter=0).fit(X, X)._network.architecture.is_folded
    assert not _quick(max_iter=0, depth=0).fit(X, X)._network.architecture.is_folded
    model = _quick(max_iter=0, patch_size=size).fit(X, X)
    assert model._network.architecture.is_folded == is_folded


def test_one_image_is_enough_if_it_is_cut():
    X = np.random.default_rng(0).normal(size=(1, 40, 40))
    model = _quick(patch_size=8, max_iter=1).fit(X, np.abs(X))
    assert model.predict(X[:, :21, :13]).shape == (1, 21, 13)
    assert np.isfinite(model.score(X, np.abs(X)))


def test_whole_images_are_held_out():
    """Where there are enough of them; else patches are."""
    model = _quick(patch_size=4)
    for n_images, is_whole in (20, True), (5, False):
        train, valid = model._split_patches(n_images, 6, np.random.RandomState(0))
        assert sorted([*train, *valid]) == list(range(6 * n_images))
        assert len(valid) == (12 if is_whole else 3)
        assert (len({*(train // 6)} & {*(valid // 6)}) == 0) == is_whole


# Layouts.


LAYOUTS = {
    "grey": lambda maps: maps[:, 0],
    "first": lambda maps: maps,
    "last": lambda maps: np.moveaxis(maps, 1, -1),
    "flat": lambda maps: maps.reshape(len(maps), -1),
    "flat_last": lambda maps: np.moveaxis(maps, 1, -1).reshape(len(maps), -1),
}


@pytest.mark.parametrize("layout", ["first", "last", "flat", "flat_last"])
def test_all_layouts_give_the_same(pairs, layout):
    clean = pairs[1]
    X = np.stack([pairs[0], clean[::-1] / 2], axis=1)
    y = np.stack([clean, clean + X[:, 1], X[:, 1] ** 2], axis=1)
    expected = _quick().fit(X, y)
    place = {"channels": "last"} if "last" in layout else {}
    shapes = {}
    if "flat" in layout:
        shapes["image_shape"] = (8, 8, 2) if place else (2, 8, 8)
    convert = LAYOUTS[layout]
    model = _quick(**place, **shapes).fit(convert(X), convert(y))
    assert_allclose(model.predict(convert(X)), convert(expected.predict(X)), atol=1e-6)
    assert model.score(convert(X), convert(y)) == pytest.approx(expected.score(X, y), abs=1e-6)
    assert model.image_shape_ == ((8, 8, 2) if place else (2, 8, 8))
    assert model.target_image_shape_ == ((8, 8, 3) if place else (3, 8, 8))
    assert model.n_features_in_ == 128


@pytest.mark.parametrize("channels", ["first", "last"])
@pytest.mark.parametrize("layout", ["grey", "flat"])
def test_the_layout_of_y_is_answered_in(pairs, layout, channels):
    X, y = pairs
    y = LAYOUTS[layout](y[:, None])
    model = _quick(channels=channels).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.5
    assert model.predict(X[:3, :5]).shape == ((3, 5, 8) if layout == "grey" else (3, 40))


def test_score_is_r2_of_pixels(pairs):
    X, y = pairs
    y = np.stack([y, 3 * y[::-1] + 1], axis=-1)
    model = _quick(channels="last", max_iter=0).fit(X, y)
    pixels = y.reshape(-1, 2), model.predict(X).reshape(-1, 2)
    assert model.score(X, y) == pytest.approx(r2_score(*pixels, multioutput="variance_weighted"))


# scikit-learn.


def test_grids_pipelines_and_folds_of_images(pairs):
    X, y = (images[:, None] for images in pairs)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    pipeline = make_pipeline(FunctionTransformer(np.negative), _quick(max_iter=1))
    grid = {"imagetoimageregressor__base_channels": [2, 4]}
    folds = KFold(2, shuffle=True, random_state=0)
    scoring = {"psnr": psnr_scorer, "ssim": ssim_scorer, "fixed": make_scorer(psnr, data_range=1)}
    search = GridSearchCV(pipeline, grid, cv=folds, scoring=scoring, refit="psnr")
    search.fit(X_train, y_train)
    assert search.predict(X_test).shape == y_test.shape
    assert (search.cv_results_["mean_test_psnr"] > 10).all()
    assert np.isfinite(cross_val_score(_quick(max_iter=1), X, y, cv=2)).all()


def test_conventions():
    model = ImageToImageRegressor()
    check_get_params_invariance("ImageToImageRegressor", model)
    check_no_attributes_set_in_init("ImageToImageRegressor", model)
    tags = model.__sklearn_tags__()
    assert tags.target_tags.required
    assert not tags.input_tags.two_d_array
    tags = clone(model).set_params(corruption="gaussian", image_shape=(1, 8, 8)).__sklearn_tags__()
    assert not tags.target_tags.required
    assert tags.input_tags.two_d_array


def test_pickles_hold_plain_values(pairs):
    X, y = pairs
    model = _quick(loss="ssim").fit(X, y)
    dump = pickle.dumps(model)
    assert b"torch" not in dump
    assert dump.count(b"skae") == 1
    for same in pickle.loads(dump), deepcopy(model):
        assert_array_equal(same.predict(X), model.predict(X))


def test_skops_has_one_class_to_trust(pairs):
    model = _quick().fit(*pairs)
    dump = skops.io.dumps(model)
    trusted = skops.io.get_untrusted_types(data=dump)
    assert trusted == ["skae.image._regressor.ImageToImageRegressor"]
    same = skops.io.loads(dump, trusted=trusted)
    assert_array_equal(same.predict(pairs[0]), model.predict(pairs[0]))


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones show no fitted attributes and have no callbacks",
)
class TestSklearn19:
    def test_callbacks_see_the_estimator_of_every_epoch(self, pairs):
        class Diary:
            scores = []

            def setup(self, estimator, context):
                pass

            def on_fit_task_begin(self, estimator, context, *, X, y):
                pass

            def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
                if context.task_name == "epoch":
                    self.scores.append(fitted_estimator.score(X, y))
                return len(self.scores) == 2

            def teardown(self, estimator, context):
                pass

        model = _quick(max_iter=5).set_callbacks(Diary()).fit(*pairs)
        assert model.n_iter_ == len(Diary.scores) == 2

    def test_parameters_and_attributes_are_described(self, pairs):
        model = _quick().fit(*pairs)
        shown = model._repr_html_()
        described = shown.count('<span class="param-doc-description"')
        n_attributes = shown[shown.index("Fitted attributes") :].count('class="fitted-att-type"')
        assert n_attributes > 5
        assert described == len(model.get_params()) + n_attributes


def test_a_fit_that_was_cut_off_goes_on(pairs, tmp_path, monkeypatch):
    parameters = {"max_iter": 6, "checkpoint": tmp_path, "checkpoint_every": 2, "batch_size": 10}
    parameters |= {"corruption": "gaussian", "augment": "flip"}
    expected = _quick(**parameters).fit(*pairs)
    assert not list(tmp_path.iterdir())
    update = GradientStep.update

    def die(step, batch):
        if step.n_updates == 30:
            raise RuntimeError("died")
        return update(step, batch)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStep, "update", die)
        with pytest.raises(RuntimeError, match="died"):
            _quick(**parameters).fit(*pairs)
    (file,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="checkpoint needs random_state"):
        _quick(**parameters | {"random_state": None}).fit(*pairs)
    _quick(**parameters).fit(pairs[0], pairs[1] + 0.1)
    assert file.exists()
    fitted = _quick(**parameters).fit(*pairs)
    assert fitted.loss_curve_ == expected.loss_curve_
    assert_array_equal(fitted.predict(pairs[0]), expected.predict(pairs[0]))


def test_warm_start(pairs):
    X, y = pairs
    first = _quick().fit(X, y)
    on = _quick(warm_start=first).fit(X, y)
    assert on.loss_curve_[0] == pytest.approx(1 - first.score(X, y), rel=0.1)
    again = _quick(warm_start=True, early_stopping=False).fit(X, y)
    start, end = again.loss_curve_[0], 1 - again.score(X, y)
    assert end < start
    assert again.fit(X, y).loss_curve_[0] == pytest.approx(end, rel=1e-4)
    with pytest.raises(ValueError, match="network of the same shape"):
        _quick(warm_start=first, base_channels=5).fit(X, y)


def test_ctrl_c(pairs, monkeypatch):
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    update = GradientStep.update

    def interrupt(step, batch):
        if step.n_updates == 15:
            signal.raise_signal(signal.SIGINT)
        return update(step, batch)

    monkeypatch.setattr(GradientStep, "update", interrupt)
    try:
        with pytest.warns(UserWarning, match="interrupted by user"):
            model = _quick(max_iter=10).fit(*pairs)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert model.n_iter_ < 10
    assert np.isfinite(model.predict(pairs[0])).all()


def test_progress_is_printed(pairs, capsys):
    _quick(verbose=2).fit(*pairs)
    assert capsys.readouterr().out.count("ImageToImageRegressor epoch") == 2


def test_a_fit_that_fails_leaves_no_trace(pairs):
    model = _quick().fit(*pairs)
    expected = model.predict(pairs[0])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(pairs[0][:, :5], np.full_like(pairs[1][:, :5], np.nan))
    assert_array_equal(model.predict(pairs[0]), expected)


# Bad input.


RNG = np.random.default_rng(0)
GREY = RNG.normal(size=(10, 8, 8))
COLOUR = RNG.normal(size=(10, 8, 8, 3))
FLAT = GREY.reshape(10, 64)


@pytest.mark.parametrize(
    ("X", "y", "parameters", "message"),
    [
        (GREY, GREY[:9], {}, "X has 10 images, y has 9. Give one image of y for every"),
        (GREY, GREY[:, :6], {}, "X has images of 8 x 8 pixels, and y of 6 x 8"),
        (FLAT, FLAT, {}, r"Set image_shape, such as \(1, 8, 8\)"),
        (GREY, FLAT[:, :63], {}, "y has 63 numbers in a row, which make no images of 8 x 8"),
        (GREY, GREY[:, 0, 0], {}, "y has 1 dimensions. Images are wanted"),
        (GREY, None, {}, "or set corruption to learn from clean images alone"),
        (COLOUR, GREY, {}, "X: .*set channels='last'"),
        (GREY, COLOUR, {}, "y: .*set channels='last'"),
        (np.moveaxis(COLOUR, 3, 1), GREY, {"channels": "last"}, "X: .*set channels='first'"),
        (GREY, GREY, {"depth": 4}, "too small to be halved 4 times. Set depth to at most 3"),
        (GREY, GREY, {"depth": 0, "fold": True}, "needs depth to be at least 1"),
        (GREY, GREY, {"filter_size": 17}, "Set filter_size to at most 15"),
        (GREY, GREY, {"filter_size": 4}, "'filter_size' parameter must be odd"),
        (GREY, GREY, {"patch_size": 3}, "3 x 3 pixels are too small for a filter of size 7"),
        (GREY, GREY, {"loss": "ssim", "patch_size": 6}, "'ssim' needs images of at least 7 x 7"),
        (GREY, 0 * GREY, {"loss": "ssim"}, "loss='ssim' needs images that vary"),
        (GREY, COLOUR[..., 0:1].repeat(2, 3), {"channels": "last", "residual": "identity"}, "in y"),
        (
            GREY,
            GREY,
            {"augment": ["flip", "shift"]},
            "'augment' parameter must be None, or one or more",
        ),
        (GREY, GREY, {"corruption": "masking", "corruption_level": 2}, r"must be in \[0, 1\]"),
        (GREY, np.where(GREY > 2, np.nan, GREY), {}, "Input y contains NaN"),
        (np.where(GREY > 2, np.inf, GREY), GREY, {}, "Input X contains infinity"),
        (GREY, 1e39 * GREY, {}, "Input y contains a value too large"),
        (GREY[:1], GREY[:1], {}, "n_samples=1"),
        (GREY[:, :0], GREY[:, :0], {}, r"X has images of shape \(0, 8\), without a pixel"),
        (GREY[0, 0], GREY, {}, "Expected 2D array, got 1D array"),
        (GREY[:, None, None], GREY, {}, "X has 5 dimensions"),
    ],
)
def test_what_fit_refuses(X, y, parameters, message):
    with pytest.raises(ValueError, match=message):
        _quick(**parameters).fit(X, y)


def test_what_predict_and_score_refuse(pairs):
    X, y = pairs
    with pytest.raises(NotFittedError):
        _quick().predict(X)
    model = _quick(filter_size=3).fit(X, y)
    for wrong, message in [
        (X[:, None].repeat(3, 1), r"shape \(3, 8, 8\), but images of shape \(1, 8, 8\)"),
        (X[:, :1], "1 x 8 pixels are too small"),
        (X.reshape(len(X), -1)[:, :60], "X has 60 features, but .* is expecting 64"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.predict(wrong)
    with pytest.raises(ValueError, match="X has 120 images, y has 119"):
        model.score(X, y[1:])
    with pytest.raises(ValueError, match="X has images of 8 x 8 pixels, and y of 6 x 8"):
        model.score(X, y[:, :6])
    with pytest.raises(ValueError, match="y has 60 numbers in a row"):
        model.score(X, y.reshape(120, -1)[:, :60])
