"""ImageColorizer."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage.color import rgb2hsv
from sklearn.base import clone
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

from skae._colors import find_grey, find_lightness, lab_to_rgb, rgb_to_lab
from skae.image import ImageColorizer
from skae.metrics import ab_error, neg_ab_error_scorer, psnr_scorer
from skae.starts._windows import find_patches

SPACES = ["lab", "hsv", "rgb"]


@pytest.fixture(scope="module")
def colors(digits):
    """120 images in RGB, 8 x 8 pixels, whose colours depend on what is around a pixel."""
    grey = digits[:120].reshape(-1, 8, 8) / 16
    above = np.roll(grey, 1, axis=1)
    return np.stack([grey, 0.7 * above + 0.1, 0.5 - above / 3], axis=1)


@pytest.fixture(scope="module")
def grey(colors):
    return find_grey(colors)[:, 0]


def _quick(**parameters):
    return ImageColorizer(
        **{"base_channels": 4, "depth": 1, "max_iter": 2, "random_state": 0} | parameters
    )


def _targets(colors, color_space):
    """Return what is learned, by scikit-image's conversions where there are."""
    if color_space == "rgb":
        return colors
    if color_space == "lab":
        return rgb_to_lab(colors)[:, 1:]
    hue, saturation, value = np.moveaxis(rgb2hsv(colors, channel_axis=1), 1, 0)
    angle = 2 * np.pi * hue
    return np.stack([saturation * np.cos(angle), saturation * np.sin(angle), value], axis=1)


def _pixels(maps):
    return np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])


# Where it starts.


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("color_space", SPACES)
def test_the_start_is_the_best_linear_filter(colors, color_space, size):
    pale = 0.4 + 0.2 * colors
    grey = find_grey(pale)[:, 0]
    model = _quick(max_iter=0, filter_size=size, color_space=color_space).fit(grey, pale)
    seen = find_lightness(grey) if color_space == "lab" else grey
    design = np.hstack([find_patches(seen[:, None], size), np.ones((grey.size, 1))])
    targets = _pixels(_targets(pale, color_space))
    expected = design @ np.linalg.lstsq(design, targets)[0]
    found = _targets(model.predict(grey), color_space)
    assert_allclose(_pixels(found), expected, atol=1e-4 if color_space == "lab" else 1e-8)
    assert model.best_iter_ == model.n_iter_ == 0


def test_the_loss_of_the_start_is_the_share_of_the_variance_that_it_leaves(colors, grey):
    model = _quick(max_iter=0, loss="squared_error", early_stopping=False, color_space="rgb")
    colors = 0.4 + 0.2 * colors
    model.fit(grey, colors)
    assert_allclose(model.loss_curve_[0], 1 - model.score(grey, colors), rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("color_space", SPACES)
def test_it_learns_what_no_filter_can(loss, color_space):
    """Red where it is light or dark, green between."""
    lightness = np.random.default_rng(0).uniform(20, 80, size=(80, 12, 12))
    red = np.abs(lightness - 50) - 15
    colors = lab_to_rgb(np.stack([lightness, red, red], axis=1))
    model = _quick(loss=loss, color_space=color_space, base_channels=8, max_iter=20)
    model.set_params(learning_rate_init=0.01).fit(colors[:60])
    start = clone(model).set_params(max_iter=0).fit(colors[:60])
    errors = [ab_error(colors[60:], one.predict(colors[60:])) for one in (start, model)]
    assert errors[1] < 0.7 * errors[0]


# What colours are.


def test_lightness_is_kept(colors, grey):
    model = _quick(max_iter=5, learning_rate_init=0.01, early_stopping=False).fit(colors)
    assert model.best_iter_ > 0
    new = np.random.default_rng(0).uniform(size=(5, 20, 30)) ** 2
    for images in (grey, new):
        lightness = rgb_to_lab(model.predict(images))[:, 0]
        assert_allclose(lightness, find_lightness(images), rtol=0, atol=1e-6)
    lightness = rgb_to_lab(model.predict(colors))[:, 0]
    assert_allclose(lightness, rgb_to_lab(colors)[:, 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("color_space", SPACES)
@pytest.mark.parametrize("per_channel", [False, True])
def test_colours_are_in_range(colors, color_space, per_channel):
    model = _quick(color_space=color_space, per_channel=per_channel).fit(colors)
    new = np.random.default_rng(0).choice([0.0, 0.5, 1.0], size=(5, 20, 30))
    predicted = model.predict(new)
    assert predicted.shape == (5, 3, 20, 30)
    assert predicted.min() >= 0
    assert predicted.max() <= 1


@pytest.mark.parametrize("color_space", SPACES)
def test_grey_images_stay_grey(grey, color_space):
    model = _quick(color_space=color_space).fit(grey, grey[:, None].repeat(3, axis=1))
    assert_allclose(model.predict(grey), grey[:, None].repeat(3, axis=1), atol=1e-3)


def test_networks_of_channels_do_not_know_of_each_other(colors, grey):
    """Another green, with the same mean and variance, changes neither red nor blue."""
    parameters = {"color_space": "rgb", "early_stopping": False, "max_iter": 5}
    other = colors.copy()
    other[:, 1] = other[::-1, 1]
    for per_channel in (True, False):
        model = _quick(per_channel=per_channel, **parameters)
        one, two = (clone(model).fit(grey, y).predict(grey) for y in (colors, other))
        change = np.abs(one - two).max(axis=(0, 2, 3))
        assert change[1] > 0.01
        assert (change[[0, 2]] < 1e-5).all() == per_channel


# What X and y may be.


def test_x_may_be_in_colour(colors, grey):
    model = _quick().fit(grey, colors)
    expected = model.predict(grey)
    for X, y in ((grey[:, None], colors), (colors, colors), (colors, None)):
        same = _quick().fit(X, y)
        for images in (grey, grey[:, None], colors):
            assert_allclose(same.predict(images), expected, atol=1e-8)
        assert same.score(colors) == pytest.approx(model.score(grey, colors), abs=1e-8)


LAYOUTS = {
    "first": lambda maps: maps,
    "last": lambda maps: np.moveaxis(maps, 1, -1),
    "flat": lambda maps: maps.reshape(len(maps), -1),
    "flat_last": lambda maps: np.moveaxis(maps, 1, -1).reshape(len(maps), -1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("is_grey", [True, False])
def test_all_layouts_give_the_same(colors, grey, layout, is_grey):
    maps = grey[:, None] if is_grey else colors
    expected = _quick().fit(maps, colors)
    place = {"channels": "last"} if "last" in layout else {}
    n_channels, shapes = maps.shape[1], {}
    if "flat" in layout:
        shapes["image_shape"] = (8, 8, n_channels) if place else (n_channels, 8, 8)
    convert = LAYOUTS[layout]
    X, y = convert(maps), convert(colors)
    model = _quick(**place, **shapes).fit(X, y)
    assert_allclose(model.predict(X), convert(expected.predict(maps)), atol=1e-6)
    assert model.score(X, y) == pytest.approx(expected.score(maps, colors), abs=1e-6)
    assert model.image_shape_ == ((8, 8, n_channels) if place else (n_channels, 8, 8))
    assert model.n_features_in_ == 64 * n_channels
    if not is_grey:
        alone = _quick(**place, **shapes).fit(X)
        assert_allclose(alone.predict(X), model.predict(X), atol=1e-8)
        assert alone.score(X) == pytest.approx(model.score(X, y), abs=1e-8)


def test_single_precision(colors):
    single = colors.astype(np.float32)
    model = _quick().fit(single)
    assert model.predict(single).dtype == np.float32
    assert_allclose(model.predict(single), model.predict(colors), atol=1e-5)


def test_one_photograph_is_enough_if_it_is_cut(colors):
    photograph = colors[:64].reshape(8, 8, 3, 8, 8).transpose(2, 0, 3, 1, 4).reshape(1, 3, 64, 64)
    model = _quick(patch_size=16, augment=["flip", "rotate"], max_iter=1).fit(photograph)
    assert model.predict(photograph[:, 0, :21, :13]).shape == (1, 3, 21, 13)
    assert np.isfinite(model.score(photograph))


# scikit-learn.


def test_score_is_r2_of_pixels(colors, grey):
    model = _quick().fit(colors)
    pixels = _pixels(colors), _pixels(model.predict(grey))
    expected = r2_score(*pixels, multioutput="variance_weighted")
    assert model.score(grey, colors) == pytest.approx(expected)


def test_searches_of_coloured_images_alone(colors):
    assert np.isfinite(cross_val_score(_quick(), colors, cv=2)).all()
    search = GridSearchCV(_quick(), {"color_space": SPACES}, cv=2).fit(colors)
    assert search.predict(colors).shape == colors.shape
    scoring = {"psnr": psnr_scorer, "ab": neg_ab_error_scorer}
    scoring["fixed"] = make_scorer(ab_error, greater_is_better=False)
    search = GridSearchCV(_quick(), {"depth": [0, 1]}, cv=2, scoring=scoring, refit="ab")
    results = search.fit(colors, colors).cv_results_
    assert_array_equal(results["mean_test_ab"], results["mean_test_fixed"])
    tags = _quick().__sklearn_tags__()
    assert not tags.target_tags.required
    assert tags.target_tags.multi_output


def test_a_network_for_another_space_is_no_start(colors):
    first = _quick(color_space="rgb").fit(colors)
    expected = first.predict(colors)
    with pytest.raises(ValueError, match=r"for color_space='hsv'\. It is fitted with 'rgb'"):
        _quick(color_space="hsv", warm_start=first).fit(colors)
    first.set_params(color_space="hsv", warm_start=True)
    with pytest.raises(ValueError, match="for color_space='hsv'"):
        first.fit(colors)
    assert_array_equal(first.predict(colors), expected)


# Bad input.


RNG = np.random.default_rng(0)
GREY = RNG.uniform(size=(10, 8, 8))
RGB = RNG.uniform(size=(10, 3, 8, 8))
LAST = np.moveaxis(RGB, 1, -1)


@pytest.mark.parametrize(
    ("X", "y", "parameters", "message"),
    [
        (GREY, None, {}, "X has grey images, and the target y is None. Pass the same"),
        (GREY, RGB[:9], {}, "X has 10 images, y has 9. Give one image of y for every"),
        (GREY, RGB[:, :, :6], {}, "X has images of 8 x 8 pixels, and y of 6 x 8"),
        (GREY, GREY, {}, r"y has rows of shape \(8, 8\), but colours .* \(3, 8, 8\), or 192"),
        (GREY, RGB[:, :2], {}, "y has rows of shape .* colours of the images of X are wanted"),
        (GREY, LAST, {}, r"y has rows of shape \(8, 8, 3\), .* set channels='last'"),
        (GREY, RGB, {"channels": "last"}, r"y has rows of shape .* set channels='first'"),
        (LAST, None, {}, "X: .*set channels='last'"),
        (RGB, None, {"channels": "last"}, "X: .*set channels='first'"),
        (GREY.reshape(10, 64), RGB, {}, r"Set image_shape, such as \(1, 8, 8\)"),
        (GREY, RGB.reshape(10, -1)[:, 1:], {}, r"y has rows of shape \(191,\)"),
        (GREY, GREY[:, 0, 0], {}, r"y has rows of shape \(\), but colours"),
        (np.concatenate([RGB, RGB[:, :1]], 1), None, {}, "X has images with 4 channels.*RGBA"),
        (RGB[:, :2], RGB, {}, "X has images with 2 channels, but grey ones"),
        (255 * GREY, RGB, {}, "X has values from .* divide by 255 first"),
        (GREY, np.rint(255 * RGB), {}, "y has values from 0 to 255, .* divide by 255 first"),
        (255 * RGB, None, {}, "X has values from .* divide by 255 first"),
        (GREY, RGB - 0.5, {}, r"y has values from .* must lie in \[0, 1\]: rescale or clip"),
        (GREY, RGB * [[[np.nan]]], {}, "Input y contains NaN"),
        (GREY * np.inf, RGB, {}, "Input X contains infinity"),
        (GREY, RGB, {"depth": 4}, "too small to be halved 4 times. Set depth to at most 3"),
        (GREY, RGB, {"depth": 0, "fold": True}, "needs depth to be at least 1"),
        (GREY, RGB, {"filter_size": 17}, "Set filter_size to at most 15"),
        (GREY, RGB, {"filter_size": 4}, "'filter_size' parameter must be odd"),
        (GREY, RGB, {"patch_size": 3}, "3 x 3 pixels are too small for a filter of size 7"),
        (GREY, RGB, {"augment": "shift"}, "'augment' parameter of ImageColorizer must be"),
        (GREY, RGB, {"color_space": "luv"}, "'color_space' parameter of ImageColorizer must be"),
        (GREY, RGB, {"loss": "ssim"}, "'loss' parameter of ImageColorizer must be"),
        (GREY[:1], RGB[:1], {}, "n_samples=1"),
        (GREY[:, :0], RGB[:, :, :0], {}, r"X has images of shape \(0, 8\), without a pixel"),
        (GREY[:, None, None], RGB, {}, "X has 5 dimensions"),
    ],
)
def test_what_fit_refuses(X, y, parameters, message):
    with pytest.raises(ValueError, match=message):
        _quick(**parameters).fit(X, y)


def test_what_predict_and_score_refuse(colors, grey):
    model = _quick(filter_size=3).fit(grey, colors)
    for wrong, message in [
        (colors[:, :2], r"X has images of shape \(2, 8, 8\), but grey or coloured images"),
        (np.moveaxis(colors, 1, -1), "with 1 or 3 channels, and these first"),
        (grey[:, :1], "1 x 8 pixels are too small"),
        (grey.reshape(120, -1)[:, :60], "X has 60 features, but .* is expecting 64"),
        (255 * grey, "X has values from .* divide by 255 first"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.predict(wrong)
    with pytest.raises(ValueError, match="X has grey images, and the target y is None"):
        model.score(grey)
    with pytest.raises(ValueError, match="X has 120 images, y has 119"):
        model.score(grey, colors[1:])
    with pytest.raises(ValueError, match=r"y has values from .* divide by 255 first"):
        model.score(grey, 255 * colors)
