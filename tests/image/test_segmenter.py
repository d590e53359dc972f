"""ImageSegmenter."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skae.image import ImageSegmenter
from skae.metrics import dice, dice_scorer, iou_scorer
from skae.starts._windows import find_patches


def _make_shapes(n, n_classes=3, size=12, noise=0.6):
    """Return images of noisy squares on a background, and the class of every pixel."""
    rng = np.random.default_rng(0)
    masks = np.zeros((n, size, size), dtype=np.int64)
    for mask, (row, column), label in zip(
        masks, rng.integers(size - 5, size=(n, 2)), rng.integers(1, n_classes, size=n), strict=True
    ):
        mask[row : row + 5, column : column + 5] = label
    return masks + rng.normal(scale=noise, size=masks.shape), masks


@pytest.fixture(scope="module")
def shapes():
    return _make_shapes(90)


def _quick(**parameters):
    return ImageSegmenter(
        **{"base_channels": 4, "depth": 1, "max_iter": 2, "random_state": 0} | parameters
    )


# Where it starts.


@pytest.mark.parametrize("size", [1, 5])
def test_the_start_is_the_logistic_regression(shapes, size):
    X, y = shapes
    model = _quick(max_iter=0, filter_size=size, early_stopping=False).fit(X, y)
    patches = find_patches((X[:, None] - X.mean()) / X.std(), size)
    expected = LogisticRegression(tol=1e-8, max_iter=1000).fit(patches, y.ravel())
    expected = expected.predict_proba(patches)
    proba = model.predict_proba(X)
    assert_allclose(np.moveaxis(proba, 1, -1).reshape(-1, 3), expected, atol=2e-3)
    assert model.best_iter_ == model.n_iter_ == 0


@pytest.mark.parametrize(
    ("loss", "class_weight"),
    [("dice_ce", None), ("cross_entropy", {0: 1, 1: 3, 2: 3}), ("focal", "balanced")],
)
def test_it_is_never_worse_than_its_start(shapes, loss, class_weight):
    model = _quick(loss=loss, class_weight=class_weight, max_iter=3).fit(*shapes)
    assert model.validation_curve_[model.best_iter_] == min(model.validation_curve_)
    assert len(model.loss_curve_) == len(model.validation_curve_) == model.n_iter_ + 1


@pytest.mark.parametrize("loss", ["dice_ce", "cross_entropy", "focal"])
def test_it_learns_what_no_filter_can(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 12, 12))
    y = (np.abs(X) > 0.7).astype(int)
    model = _quick(loss=loss, base_channels=8, max_iter=20, learning_rate_init=0.01)
    model.fit(X[:60], y[:60])
    start = clone(model).set_params(max_iter=0).fit(X[:60], y[:60])
    assert start.score(X[60:], y[60:]) < 0.6
    assert model.score(X[60:], y[60:]) > 0.85


def test_the_loss_of_the_start_is_the_cross_entropy(shapes):
    X, y = shapes
    model = _quick(max_iter=0, loss="cross_entropy", early_stopping=False).fit(X, y)
    proba = np.take_along_axis(model.predict_proba(X), y[:, None], axis=1)
    assert model.loss_curve_[0] == pytest.approx(-np.log(proba).mean(), rel=1e-4)


# What classes are.


def test_probabilities_and_classes(shapes):
    X, y = shapes
    model = _quick().fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (90, 3, 12, 12)
    assert_allclose(proba.sum(axis=1), 1)
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_array_equal(model.predict(X), proba.argmax(axis=1))
    assert model.score(X, y) == dice(y, model.predict(X))


@pytest.mark.parametrize(
    "names",
    [np.array([0, 128, 255], "uint8"), np.array([-5, 0, 2]), np.array(["air", "dot", "box"])],
    ids=["gray", "negative", "text"],
)
def test_names_of_classes_do_not_matter(shapes, names):
    X, y = shapes
    names = np.sort(names)
    expected = _quick(loss="cross_entropy").fit(X, y)
    model = _quick(loss="cross_entropy").fit(X, names[y])
    assert_array_equal(model.classes_, names)
    assert model.classes_.dtype == model.predict(X).dtype == names.dtype
    assert_array_equal(model.predict(X), names[expected.predict(X)])


def test_two_classes(shapes):
    X, y = shapes
    for masks in (y > 0, np.where(y > 0, 255.0, 0.0)):
        model = _quick().fit(X, masks)
        assert model.predict(X).dtype == masks.dtype
        assert model.score(X, masks) > 0.5


def test_the_background_is_zero_or_none(shapes):
    X, y = shapes
    model = _quick(max_iter=0).fit(X, y + 1)
    assert model.score(X, y + 1) == dice(y + 1, model.predict(X), labels=[1, 2, 3])


def test_weights_shift_what_is_predicted(shapes):
    X, y = shapes
    share = [
        (_quick(loss="cross_entropy", class_weight=weight).fit(X, y).predict(X) == 0).mean()
        for weight in ({0: 9, 1: 1, 2: 1}, None, {0: 1, 1: 9, 2: 9})
    ]
    assert share[0] > share[1] > share[2]
    balanced = _quick(class_weight="balanced").fit(X, y).predict(X)
    n_pixels = np.bincount(y.ravel())
    by_hand = dict(enumerate(y.size / (3 * n_pixels)))
    assert_array_equal(balanced, _quick(class_weight=by_hand).fit(X, y).predict(X))


def test_ignored_pixels(shapes):
    """What they show can be anything, what they are called does not matter."""
    X, y = shapes
    outside = np.zeros(y.shape, dtype=bool)
    outside[:, :, 8:] = True
    model = _quick(ignore_index=255).fit(X, np.where(outside, 255, y))
    assert_array_equal(model.classes_, [0, 1, 2])
    assert not (model.predict(X) == 255).any()
    same = _quick(ignore_index=-1).fit(X, np.where(outside, -1, y))
    assert_array_equal(model.predict(X), same.predict(X))
    marked = np.where(outside, 255, y)
    assert model.score(X, marked) == dice(marked, model.predict(X), ignore_index=255)
    assert model.score(X, marked) == pytest.approx(dice(y[:, :, :8], model.predict(X)[:, :, :8]))


def test_images_without_a_label_are_left_out(shapes):
    X, y = shapes
    is_labelled = np.arange(len(y)) % 4 == 0
    partly = np.where(is_labelled[:, None, None], y, 255)
    model = _quick(ignore_index=255).fit(X, partly)
    expected = _quick(ignore_index=255).fit(X[is_labelled], y[is_labelled])
    assert_array_equal(model.predict(X), expected.predict(X))


def test_the_start_knows_all_large_images():
    """Each class is in one of them alone."""
    rng = np.random.default_rng(0)
    y = np.zeros((2, 600, 900), dtype=int)
    y[0, 100:200], y[1, 100:200] = 1, 2
    X = (4 * y + rng.normal(size=y.shape)).astype(np.float32)
    model = _quick(max_iter=0, early_stopping=False, filter_size=3).fit(X, y)
    right = model.predict(X) == y
    assert min(right[y == label].mean() for label in range(3)) > 0.95


def test_scorers_leave_out_what_is_ignored(shapes):
    X, y = shapes
    marked = y.copy()
    marked[:, :4] = 255
    model = _quick(ignore_index=255).fit(X, marked)
    assert dice_scorer(model, X, marked) == model.score(X, marked)
    assert iou_scorer(model, X, marked) < model.score(X, marked)


def test_parameters_that_are_set_after_fit_change_nothing(shapes):
    X, y = shapes
    model = _quick(channels="last").fit(X[..., None], y)
    proba, score = model.predict_proba(X[..., None]), model.score(X[..., None], y[..., None])
    model.set_params(channels="first", depth=5, filter_size=63)
    assert_array_equal(model.predict_proba(X[..., None]), proba)
    assert model.score(X[..., None], y[..., None]) == score


# Layouts.


@pytest.mark.parametrize("channels", ["first", "last"])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_layouts_do_not_change_the_result(shapes, channels, n_channels):
    X, y = (images[:20] for images in shapes)
    maps = np.stack([X, X**2], axis=1)[:, :n_channels]
    expected = _quick(max_iter=1).fit(maps, y).predict(maps)
    place = 1 if channels == "first" else 3
    images = np.moveaxis(maps, 1, place)
    flat = images.reshape(len(X), -1)
    for seen, shape in (images, None), (flat, images.shape[1:]):
        for masks in y, y.reshape(len(y), -1), np.expand_dims(y, place):
            model = _quick(max_iter=1, image_shape=shape, channels=channels).fit(seen, masks)
            assert_array_equal(model.predict(seen), expected.reshape(masks.shape))
            assert model.score(seen, masks) == dice(masks, model.predict(seen))


@pytest.mark.parametrize(
    ("channels", "is_flat", "shape"),
    [
        ("first", False, (90, 3, 12, 12)),
        ("last", False, (90, 12, 12, 3)),
        ("first", True, (90, 3, 144)),
        ("last", True, (90, 144, 3)),
    ],
)
def test_layouts_of_probabilities(shapes, channels, is_flat, shape):
    X, y = shapes
    y = y.reshape(len(y), -1) if is_flat else y
    model = _quick(channels=channels, max_iter=0).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == shape
    axis = 1 if channels == "first" else -1
    assert_array_equal(model.predict(X), proba.argmax(axis=axis))


def test_images_of_other_sizes(shapes):
    X, y = shapes
    model = _quick(patch_size=8, augment=["flip", "rotate"]).fit(X, y)
    whole = np.random.default_rng(0).normal(size=(2, 33, 21))
    assert model.predict(whole).shape == (2, 33, 21)
    assert model.predict_proba(whole).shape == (2, 3, 33, 21)


def test_single_precision(shapes):
    X, y = shapes
    model = _quick().fit(X, y)
    proba = model.predict_proba(X.astype(np.float32))
    assert proba.dtype == np.float32
    assert_allclose(proba, model.predict_proba(X), atol=1e-5)


# scikit-learn.


def test_grids_pipelines_and_folds(shapes):
    X, y = shapes
    X_train, X_test, y_train, y_test = train_test_split(X[:, None], y, random_state=0)
    pipeline = make_pipeline(FunctionTransformer(np.negative), _quick(max_iter=1))
    grid = {"imagesegmenter__loss": ["dice_ce", "focal"]}
    folds = KFold(2, shuffle=True, random_state=0)
    own = make_scorer(dice, labels=[1])
    scoring = {"dice": dice_scorer, "iou": iou_scorer, "one": own}
    search = GridSearchCV(pipeline, grid, cv=folds, scoring=scoring, refit="dice")
    search.fit(X_train, y_train)
    assert search.predict(X_test).shape == y_test.shape
    assert (search.cv_results_["mean_test_dice"] > 0.3).all()
    assert np.isfinite(cross_val_score(_quick(max_iter=1), X, y.reshape(len(y), -1), cv=2)).all()


def test_the_labels_of_a_warm_start_are_the_same(shapes):
    X, y = shapes
    first = _quick().fit(X, y)
    on = _quick(warm_start=first, early_stopping=False).fit(X, y)
    assert on.loss_curve_[0] == pytest.approx(first.loss_curve_[first.best_iter_], rel=0.1)
    with pytest.raises(ValueError, match="classes that were not seen in fit: 5"):
        _quick(warm_start=first).fit(X, np.where(y == 2, 5, y))
    again = _quick(warm_start=first).fit(X, np.where(y == 2, 0, y))
    assert_array_equal(again.classes_, [0, 1, 2])
    balanced = {"warm_start": first, "class_weight": "balanced"}
    assert _quick(**balanced).fit(X, np.where(y == 2, 0, y)).n_iter_ > 0
    assert again.predict_proba(X)[:, 2].mean() < first.predict_proba(X)[:, 2].mean()


# Bad input.


X, Y = _make_shapes(12, size=8)


@pytest.mark.parametrize(
    ("X", "y", "parameters", "message"),
    [
        (X, Y[:9], {}, "X has 12 images, y has 9. Give one image of y for every"),
        (X, Y[:, :6], {}, "X has images of 8 x 8 pixels, and y of 6 x 8"),
        (X, Y[:, 0, 0], {}, "y has one label for every image, but one for every pixel is wanted"),
        (X, Y.reshape(12, -1)[:, :60], {}, "y has rows of shape .60,., but masks have one label"),
        (X, None, {}, "ImageSegmenter requires y to be passed, but the target y is None"),
        (X, Y + 0.25, {}, "Unknown label type: y has numbers with a fraction"),
        (X, np.where(Y, np.nan, 0.0), {}, "Input y contains NaN"),
        (X, 0 * Y, {}, r"at least two different labels to tell apart. Got \[0\]"),
        (X, Y > 0, {"ignore_index": 0}, r"at least two different labels to tell apart. Got \[T"),
        (X.reshape(12, 64), Y, {}, r"Set image_shape, such as \(1, 8, 8\)"),
        (np.stack([X] * 3, 3), Y, {}, "X: .*set channels='last'"),
        (X, Y, {"depth": 4}, "too small to be halved 4 times. Set depth to at most 3"),
        (X, Y, {"filter_size": 4}, "'filter_size' parameter must be odd"),
        (X, Y, {"class_weight": {7: 2}}, "not in class_weight"),
        (X, Y, {"class_weight": {0: 1, 1: -5}}, "class_weight must be finite, not negative"),
        (X, Y, {"class_weight": {0: 0, 1: 0, 2: 0}}, "not negative, and not all 0"),
        (X[:1], Y[:1], {}, "nothing to hold out for early stopping. Set early_stopping=False"),
        (X, Y, {"loss": "dice"}, "The 'loss' parameter of ImageSegmenter must be a str among"),
        (X, Y, {"augment": "shift"}, "'augment' parameter of ImageSegmenter must be"),
        (np.where(X > 1, np.inf, X), Y, {}, "Input X contains infinity"),
    ],
)
def test_what_fit_refuses(X, y, parameters, message):
    with pytest.raises(ValueError, match=message):
        _quick(**parameters).fit(X, y)


def test_what_predict_and_score_refuse(shapes):
    X, y = shapes
    with pytest.raises(NotFittedError):
        _quick().predict_proba(X)
    model = _quick(filter_size=3).fit(X, y)
    with pytest.raises(ValueError, match=r"shape \(3, 12, 12\), but images of shape \(1, 12, 12\)"):
        model.predict(X[:, None].repeat(3, 1))
    with pytest.raises(ValueError, match=r"least 2 along both axes. If X is one image, pass X"):
        model.predict(X[:, :1])
    with pytest.raises(ValueError, match="X has 90 images, y has 89"):
        model.score(X, y[1:])
    with pytest.raises(
        ValueError, match=r"classes that were not seen in fit: 3, 4. .* \[0, 1, 2\]"
    ):
        model.score(X, y + 2)


def test_a_fit_that_fails_leaves_no_trace(shapes):
    X, y = shapes
    model = _quick().fit(X, y)
    expected = model.predict(X)
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full_like(X, np.inf), y > 0)
    with pytest.raises(ValueError, match="not in class_weight"):
        model.set_params(class_weight={9: 1}).fit(X, np.where(y, 9, 4) > 4)
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_array_equal(model.predict(X), expected)
