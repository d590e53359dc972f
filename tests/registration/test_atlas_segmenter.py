"""AtlasSegmenter."""

import pickle

import numpy as np
import pytest
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
)

from skae.datasets import make_deformed_shapes
from skae.engine import GradientStep
from skae.metrics import dice
from skae.persistence import load, save
from skae.registration import AtlasSegmenter, warp_images
from skae.starts._windows import find_patches


@pytest.fixture(scope="module")
def shapes():
    """Shapes with three lobes, of 16 x 16 pixels."""
    shapes = make_deformed_shapes(300, size=16, deformation=0.4, random_pose=0.2, random_state=0)
    is_lobed = shapes.target == 1
    return shapes.images[is_lobed], shapes.masks[is_lobed].astype(int)


@pytest.fixture(scope="module", name="X")
def images(shapes):
    return shapes[0][:40]


@pytest.fixture(scope="module", name="y")
def masks(shapes):
    return shapes[1][:40]


@pytest.fixture(scope="module")
def new(shapes):
    """Images and masks that the fitted segmenter has not seen."""
    return shapes[0][70:], shapes[1][70:]


def _quick(**parameters):
    defaults = {
        "n_components": 3,
        "hidden_channels": (4, 4),
        "base_channels": 2,
        "refine_steps": 2,
        "max_iter": 2,
        "random_state": 0,
    }
    return AtlasSegmenter(**defaults | parameters)


@pytest.fixture(scope="module")
def fitted(shapes):
    """A segmenter that has learned."""
    X, y = shapes
    parameters = {"n_components": 6, "hidden_channels": (16, 16), "base_channels": 4}
    model = _quick(**parameters, refine_steps=20, max_iter=20, batch_size=16)
    return model.fit(X[:70], y[:70])


def _hide(X, rng):
    """Return images with squares of brightness 1, and others of 0."""
    X = X.copy()
    for image in X:
        for value in (1, 1, 0):
            row, column = rng.integers(14, size=2)
            image[row : row + 3, column : column + 3] = value
    return X


# Where it starts.


def test_the_start_is_the_mean_of_images_and_labels(X, y):
    model = _quick(max_iter=0, refine_steps=0, early_stopping=False).fit(X, y)
    assert_allclose(model.atlas_, X.mean(axis=0), atol=1e-12)
    assert_allclose(model.displacement(X), 0, atol=1e-12)
    # half an image of either label more
    shares = (y.sum(axis=0) + 0.5) / (len(y) + 1)
    assert_allclose(model.predict_proba(X)[:, 1], np.broadcast_to(shares, y.shape), atol=1e-12)
    assert_array_equal(model.atlas_labels_, shares > 0.5)
    assert_array_equal(model.predict(X), np.broadcast_to(shares > 0.5, y.shape))


def test_the_pixelwise_start_is_the_logistic_regression(X, y):
    model = _quick(max_iter=0, early_stopping=False).fit(X, y)
    patches = find_patches((X[:, None] - X.mean()) / X.std(), 7)
    expected = LogisticRegression(tol=1e-6).fit(patches, y.ravel()).predict(patches)
    assert (model.predict_pixelwise(X).ravel() == expected).mean() > 0.999


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_losses_of_labels_are_weighed(X, y, weight):
    one, other = (
        _quick(segmentation_weight=w, max_iter=0, early_stopping=False).fit(X, y).loss_curve_[0]
        for w in (1.0, weight)
    )
    # without them, the mean image loses the whole variance
    assert other - 1 == pytest.approx(weight * (one - 1), rel=1e-5)


# What it learns.


def test_it_learns(fitted, X, y, new):
    start = clone(fitted).set_params(max_iter=0, refine_steps=0).fit(X, y)
    assert fitted.score(*new) > 0.94 > start.score(*new) + 0.1
    assert dice(new[1], fitted.predict_pixelwise(new[0])) > 0.9


def test_refinement_brings_labels_nearer(fitted, X, y, new):
    plain = clone(fitted).set_params(refine_steps=0, warm_start=fitted, max_iter=0).fit(X, y)
    assert fitted.score(*new) > plain.score(*new) + 0.01
    assert_array_equal(plain.refine(X), plain.transform(X))
    assert np.abs(fitted.refine(X) - fitted.transform(X)).max() > 0.01


def test_the_atlas_is_harder_to_mislead(fitted, new):
    X, y = new
    hidden = _hide(X, np.random.default_rng(0))
    assert fitted.score(hidden, y) > dice(y, fitted.predict_pixelwise(hidden)) + 0.02


def test_images_are_refined_by_themselves(fitted, X):
    assert_allclose(fitted.refine(X[3:5]), fitted.refine(X)[3:5], atol=1e-6)


def test_predictions_are_the_deformed_labels(fitted, X):
    proba = fitted.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    assert_array_equal(fitted.classes_[proba.argmax(axis=1)], fitted.predict(X))
    plain = clone(fitted).set_params(refine_steps=0, warm_start=fitted, max_iter=0).fit(X, X > 0)
    logits = plain._network.module.labels.numpy()
    warped = warp_images(np.repeat(logits, len(X), axis=0), plain.displacement(X))
    assert_allclose(plain.predict_proba(X), softmax(warped, axis=1), atol=1e-6)
    single = X.astype(np.float32)
    assert plain.predict_proba(single).dtype == np.float32
    assert_allclose(plain.predict_proba(single), plain.predict_proba(X), atol=1e-4)


def test_several_labels_with_names(X, y):
    names = np.where(y == 0, "outside", np.where(np.arange(16) < 8, "left", "right"))
    model = _quick(max_iter=5).fit(X, names)
    assert_array_equal(model.classes_, ["left", "outside", "right"])
    assert set(model.atlas_labels_.ravel()) == {"left", "outside", "right"}
    assert (model.predict(X) == names).mean() > 0.85


def test_volumes():
    shapes = make_deformed_shapes(20, n_classes=1, size=8, n_dims=3, random_state=0)
    model = _quick(image_shape=(1, 8, 8, 8)).fit(shapes.images, shapes.masks)
    assert model.predict(shapes.images).shape == (20, 8, 8, 8)
    assert model.predict_proba(shapes.images).shape == (20, 2, 8, 8, 8)
    assert model.atlas_labels_.shape == (8, 8, 8)
    assert dice(shapes.masks, model.predict_pixelwise(shapes.images)) > 0.8


@pytest.mark.parametrize("size", [2, 3, 5])
def test_small_images(size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, size, size + 1))
    model = _quick(max_iter=1).fit(X, X > 0)
    assert model.predict(X).shape == X.shape


# Layouts.


@pytest.mark.parametrize("shape", [(16, 16), (1, 16, 16), (16, 16, 1), (256,)])
def test_masks_come_back_in_the_layout_they_had(X, y, shape):
    expected = _quick().fit(X, y)
    model = _quick().fit(X, y.reshape(-1, *shape))
    assert model.predict(X).shape == (len(X), *shape)
    assert_array_equal(model.predict(X).reshape(y.shape), expected.predict(X))
    assert model.predict_pixelwise(X).shape == (len(X), *shape)
    assert model.score(X, y) == expected.score(X, y.reshape(-1, *shape))


def test_probabilities_lie_as_those_of_pixelwise_segmenters(X, y):
    proba = _quick().fit(X, y).predict_proba(X)
    last = _quick(channels="last").fit(X[..., None], y).predict_proba(X[..., None])
    assert_allclose(last, np.moveaxis(proba, 1, -1), atol=1e-6)
    flat = _quick().fit(X, y.reshape(len(y), -1)).predict_proba(X)
    assert_array_equal(flat, proba.reshape(len(y), 2, -1))


def test_channels(X, y):
    first = np.stack([X, 1 - X], axis=1)
    one = _quick().fit(first, y)
    other = _quick(channels="last").fit(np.moveaxis(first, 1, -1), y)
    flat = _quick(image_shape=(2, 16, 16)).fit(first.reshape(len(X), -1), y)
    proba = one.predict_proba(first)
    proba_last = np.moveaxis(other.predict_proba(np.moveaxis(first, 1, -1)), -1, 1)
    assert_allclose(proba_last, proba, atol=1e-6)
    assert_array_equal(flat.predict_proba(first.reshape(len(X), -1)), proba)


# Pixels that count for nothing.


def test_ignored_pixels_do_not_matter(X, y):
    is_ignored = np.random.default_rng(0).random(y.shape) < 0.2
    ignored = np.where(is_ignored, 255, y)
    # images change where labels are ignored: what is learned of labels must not see which these are
    models = [
        _quick(ignore_index=label, max_iter=1).fit(X, np.where(is_ignored, label, y))
        for label in (255, -1)
    ]
    assert_array_equal(models[0].classes_, [0, 1])
    assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))
    predicted = models[0].predict(X)
    assert models[0].score(X, ignored) == dice(ignored, predicted, ignore_index=255)
    wrong = models[0].set_params(ignore_index=1)
    assert wrong.score(X, ignored) == dice(ignored, predicted, ignore_index=255)


@pytest.mark.parametrize("labelled", range(6))
def test_a_single_labelled_image_is_learned_from(X, y, labelled):
    few = np.full_like(y[:6], 255)
    few[labelled] = y[labelled]
    model = _quick(ignore_index=255, validation_fraction=0.5).fit(X[:6], few)
    assert model.score(X[:6], few) > 0.7


def test_images_without_labels_are_learned_from(X, y):
    few = y.copy()
    few[10:] = -1
    parameters = {"ignore_index": -1, "early_stopping": False, "max_iter": 0}
    model = _quick(**parameters, refine_steps=0).fit(X, few)
    assert_allclose(model.atlas_, X.mean(axis=0), atol=1e-12)
    shares = (y[:10].sum(axis=0) + 0.5) / 11
    assert_allclose(model.predict_proba(X)[0, 1], shares, atol=1e-12)


# scikit-learn.


def test_searches(X, y):
    search = GridSearchCV(_quick(max_iter=1), {"n_components": [2, 3]}, cv=2).fit(X, y)
    assert search.predict(X).shape == y.shape
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_conventions(X):
    model = AtlasSegmenter()
    check_get_params_invariance("AtlasSegmenter", model)
    check_no_attributes_set_in_init("AtlasSegmenter", model)
    assert is_classifier(model)
    assert model.__sklearn_tags__().target_tags.required
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_tensors_are_answered_with_tensors(X, y):
    expected = _quick().fit(X, y)
    with config_context(array_api_dispatch=True):
        tensors = torch.tensor(X)
        model = _quick().fit(tensors, torch.tensor(y))
        proba, predicted = model.predict_proba(tensors), model.predict(tensors)
        assert isinstance(proba, torch.Tensor)
        assert isinstance(predicted, torch.Tensor)
        assert model.score(tensors, torch.tensor(y)) == expected.score(X, y)
    assert_allclose(proba, expected.predict_proba(X), atol=1e-10)


def test_files(fitted, X, tmp_path):
    save(fitted, tmp_path / "file")
    dump = pickle.dumps(fitted)
    assert b"torch" not in dump
    assert dump.count(b"skae") == 1
    content = skops.io.dumps(fitted)
    trusted = skops.io.get_untrusted_types(data=content)
    assert trusted == ["skae.registration.AtlasSegmenter"]
    again = load(tmp_path / "file"), pickle.loads(dump), skops.io.loads(content, trusted=trusted)
    for same in again:
        assert repr(same.get_params()) == repr(fitted.get_params())
        assert_array_equal(same.predict_proba(X[:9]), fitted.predict_proba(X[:9]))
        assert_array_equal(same.predict_pixelwise(X[:9]), fitted.predict_pixelwise(X[:9]))


def test_a_fit_that_was_cut_off_goes_on(X, y, tmp_path, monkeypatch):
    parameters = {"max_iter": 4, "checkpoint": tmp_path, "checkpoint_every": 2, "batch_size": 12}
    expected = _quick(**parameters).fit(X, y)
    update = GradientStep.update

    def die(step, batch):
        if step.n_updates == 8:
            raise RuntimeError("died")
        return update(step, batch)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStep, "update", die)
        with pytest.raises(RuntimeError, match="died"):
            _quick(**parameters).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1
    again = _quick(**parameters).fit(X, y)
    assert again.loss_curve_ == expected.loss_curve_
    assert_array_equal(again.predict_proba(X), expected.predict_proba(X))


def test_warm_start(fitted, X, y):
    on = clone(fitted).set_params(warm_start=fitted, max_iter=0).fit(X, y)
    assert_allclose(on.predict_proba(X), fitted.predict_proba(X), atol=1e-12)
    with pytest.raises(ValueError, match="not seen in fit: 2"):
        clone(on).set_params(warm_start=fitted).fit(X, 2 * y)
    with pytest.raises(ValueError, match="network of the same shape"):
        clone(on).set_params(warm_start=fitted, base_channels=3).fit(X, y)


def test_parameters_that_are_set_after_the_fit_change_nothing(fitted, X):
    changed = pickle.loads(pickle.dumps(fitted))
    changed.set_params(regularization=10.0, segmentation_weight=3.0, ignore_index=7)
    assert_array_equal(changed.predict_proba(X), fitted.predict_proba(X))


# What is refused.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: None, "requires y"),
        (lambda y: y[:-1], "inconsistent numbers"),
        (lambda y: y[:, 0, 0], "one label for every image"),
        (lambda y: y[:, :, :5], "one label for every pixel"),
        (lambda y: 0 * y, "at least two different labels"),
        (lambda y: y + 0.5, "fraction"),
        (lambda y: np.where(y == 1, np.nan, 1.0), "NaN"),
    ],
)
def test_labels_are_checked(X, y, change, message):
    model = _quick(max_iter=0).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=message):
        model.fit(X, change(y))
    assert_array_equal(model.predict(X), before)
    if change(y) is not None and "two" not in message:
        with pytest.raises(ValueError, match=message):
            model.score(X, change(y))


@pytest.mark.parametrize(
    "parameters",
    [{"segmentation_weight": 0.0}, {"refine_steps": -1}, {"base_channels": 0}],
)
def test_parameters_are_checked(X, y, parameters):
    (name,) = parameters
    with pytest.raises(ValueError, match=name):
        _quick(**parameters).fit(X, y)


@pytest.mark.parametrize("n_steps", [-1, None, 1.5, "3"])
def test_steps_that_are_set_after_the_fit_are_checked(fitted, X, y, n_steps):
    changed = pickle.loads(pickle.dumps(fitted)).set_params(refine_steps=n_steps)
    for method in (changed.predict, changed.predict_proba, changed.refine):
        with pytest.raises(ValueError, match="The 'refine_steps' parameter"):
            method(X)
    with pytest.raises(ValueError, match="The 'refine_steps' parameter"):
        changed.score(X, y)


def test_images_that_are_misread(X, y):
    with pytest.raises(ValueError, match="image_shape"):
        _quick().fit(X.reshape(len(X), -1), y)
    volumes = np.zeros((4, 6, 6, 6))
    with pytest.raises(ValueError, match="image_shape"):
        _quick().fit(volumes, volumes)
