"""ImageToImageRegressor."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skae.image import ImageToImageRegressor
from skae.metrics import psnr, psnr_scorer, ssim_scorer
from skae.starts._windows import find_patches


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


def test_with_a_corruption_y_is_not_required():
    assert ImageToImageRegressor().__sklearn_tags__().target_tags.required
    model = ImageToImageRegressor(corruption="gaussian")
    assert not model.__sklearn_tags__().target_tags.required


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
