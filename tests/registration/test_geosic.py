"""GeoSICClassifier."""

import pickle

import numpy as np
import pytest
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax
from scipy.stats import entropy
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
)

from skae.datasets import make_deformed_shapes
from skae.engine import GradientStep
from skae.metrics import adversarial_accuracy
from skae.persistence import load, save
from skae.registration import GeoSICClassifier, warp_images

FUSIONS = ["add", "concat", "shape_only"]


@pytest.fixture(scope="module")
def shapes():
    """Bars and two other shapes of 16 x 16 pixels."""
    return make_deformed_shapes(
        240, n_classes=3, size=16, deformation=0.4, contrast=0.2, random_state=0
    )


@pytest.fixture(scope="module", name="X")
def images(shapes):
    return shapes.images


@pytest.fixture(scope="module")
def y(shapes):
    """Classes of different sizes, with names."""
    return np.where(shapes.target == 0, "bar", "other")


def _quick(**parameters):
    defaults = {"n_components": 3, "hidden_channels": (4, 4), "max_iter": 2, "random_state": 0}
    return GeoSICClassifier(**defaults | parameters)


@pytest.fixture(scope="module")
def fitted(X, y):
    """A classifier that has learned."""
    model = _quick(n_components=6, hidden_channels=(16, 16), max_iter=60, batch_size=20)
    return model.fit(X[:180], y[:180])


# Where it starts.


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("affine", [True, False])
def test_the_start_is_the_mean_image_and_the_shares_of_classes(X, y, fusion, affine):
    model = _quick(fusion=fusion, affine=affine, max_iter=0, early_stopping=False).fit(X, y)
    assert_allclose(model.atlas_, X.mean(axis=0), atol=1e-12)
    assert_allclose(model.displacement(X), 0, atol=1e-12)
    assert_allclose(model.predict_proba(X), np.tile([[1 / 3, 2 / 3]], (240, 1)), atol=1e-12)
    assert_array_equal(model.classes_, ["bar", "other"])
    assert (model.predict(X) == "other").all()


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_the_loss_of_the_start_is_variance_and_entropy(X, y, weight):
    model = _quick(classification_weight=weight, max_iter=0, early_stopping=False).fit(X, y)
    assert_allclose(model.loss_curve_, 1 + weight * entropy([1 / 3, 2 / 3]), rtol=1e-5)


def test_geometry_comes_first(X, y):
    parameters = {"max_iter": 3, "early_stopping": False, "learning_rate": "constant"}
    model = _quick(warmup=0.999, **parameters).fit(X, y)
    assert_allclose(model.predict_proba(X), np.tile([[1 / 3, 2 / 3]], (240, 1)), atol=1e-6)
    assert np.abs(model.displacement(X)).max() > 0.01
    model = _quick(warmup=0.0, **parameters).fit(X, y)
    assert model.predict_proba(X).std(axis=0).max() > 0.01


# What it learns.


def test_it_learns(fitted, X, y):
    assert fitted.score(X[180:], y[180:]) > 0.9
    kept = fitted.validation_curve_[fitted.best_iter_]
    assert kept < 0.5 * fitted.validation_curve_[0]
    errors = -fitted.score_samples(X[180:]).sum()
    assert errors < 0.6 * np.square(X[180:] - fitted.mean_.reshape(16, 16)).sum()


@pytest.mark.parametrize("fusion", ["concat", "shape_only"])
def test_other_fusions_learn(X, y, fusion):
    model = _quick(fusion=fusion, hidden_channels=(16, 16), max_iter=40, batch_size=20)
    assert model.fit(X[:180], y[:180]).score(X[180:], y[180:]) > 0.85


def test_codes_deform_the_atlas(fitted, X):
    codes = fitted.transform(X)
    assert codes.shape == (240, 12)
    warped = warp_images(fitted.atlas_[None], fitted.displacement(X))
    assert_allclose(fitted.inverse_transform(codes), warped, atol=1e-6)
    assert fitted.register(X[:3], X[3:6]).jacobian_determinant.min() > 0


def test_predictions_agree(fitted, X):
    proba = fitted.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    assert_array_equal(fitted.classes_[proba.argmax(axis=1)], fitted.predict(X))
    single = X.astype(np.float32)
    assert fitted.predict_proba(single).dtype == np.float32
    assert_allclose(fitted.predict_proba(single), proba, atol=1e-4)
    assert_allclose(fitted.predict_proba(X[5:7]), proba[5:7], atol=1e-6)


def test_the_score_is_the_accuracy(fitted, X, y):
    is_right = fitted.predict(X) == y
    assert fitted.score(X, y) == is_right.mean()
    weights = np.random.default_rng(0).uniform(size=240)
    expected = np.average(is_right, weights=weights)
    assert fitted.score(X, y, weights) == pytest.approx(expected)


def test_the_module_gives_logits(fitted, X):
    logits = fitted.classifier_(torch.tensor(X.reshape(240, -1))).detach().numpy()
    assert_allclose(log_softmax(logits, axis=1), np.log(fitted.predict_proba(X)), atol=1e-3)


def test_it_can_be_attacked(fitted, X, y):
    accuracies = [
        adversarial_accuracy(fitted, X, y, attack=attack, epsilon=0.3, random_state=0)
        for attack in ("pgd", "fgsm")
    ]
    assert accuracies[0] <= accuracies[1] < fitted.score(X, y)


def test_volumes():
    shapes = make_deformed_shapes(20, n_classes=2, size=8, n_dims=3, random_state=0)
    model = _quick(image_shape=(1, 8, 8, 8)).fit(shapes.images, shapes.target)
    assert model.predict(shapes.images).shape == (20,)
    assert model.atlas_.shape == (8, 8, 8)


def test_a_class_that_is_held_out(X):
    y = np.zeros(240, dtype=int)
    y[0] = 1
    for seed in range(5):
        model = _quick(max_iter=0, validation_fraction=0.5, random_state=seed).fit(X, y)
        proba = model.predict_proba(X)
        assert np.isfinite(proba).all()
        assert (proba[:, 1] > 0).all()
        assert (proba[:, 1] < 0.02).all()


# scikit-learn.


def test_searches(X, y):
    search = GridSearchCV(_quick(max_iter=1), {"fusion": FUSIONS[:2]}, cv=2).fit(X, y)
    assert search.predict(X).shape == (240,)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_conventions(X):
    model = GeoSICClassifier()
    check_get_params_invariance("GeoSICClassifier", model)
    check_no_attributes_set_in_init("GeoSICClassifier", model)
    assert is_classifier(model)
    assert model.__sklearn_tags__().target_tags.required
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_numbers_as_labels(X, y, fitted):
    labels = np.where(y == "bar", 7, -3)
    model = clone(fitted).set_params(max_iter=1).fit(X, labels)
    assert_array_equal(model.classes_, [-3, 7])
    assert set(model.predict(X)) <= {-3, 7}


def test_tensors_are_answered_with_tensors(X, shapes):
    expected = _quick().fit(X, shapes.target).predict_proba(X)
    with config_context(array_api_dispatch=True):
        tensors = torch.tensor(X)
        model = _quick().fit(tensors, torch.tensor(shapes.target))
        proba, predicted = model.predict_proba(tensors), model.predict(tensors)
        assert isinstance(proba, torch.Tensor)
        assert isinstance(predicted, torch.Tensor)
    assert_allclose(proba, expected, atol=1e-10)


def test_files(fitted, X, tmp_path):
    save(fitted, tmp_path / "file")
    dump = pickle.dumps(fitted)
    assert b"torch" not in dump
    assert dump.count(b"skae") == 1
    content = skops.io.dumps(fitted)
    trusted = skops.io.get_untrusted_types(data=content)
    assert trusted == ["skae.registration._geosic.GeoSICClassifier"]
    again = load(tmp_path / "file"), pickle.loads(dump), skops.io.loads(content, trusted=trusted)
    for same in again:
        assert repr(same.get_params()) == repr(fitted.get_params())
        assert_array_equal(same.predict_proba(X), fitted.predict_proba(X))
        assert_array_equal(same.displacement(X), fitted.displacement(X))


def test_a_fit_that_was_cut_off_goes_on(X, y, tmp_path, monkeypatch):
    parameters = {"max_iter": 4, "checkpoint": tmp_path, "checkpoint_every": 2, "batch_size": 40}
    expected = _quick(**parameters).fit(X, y)
    update = GradientStep.update

    def die(step, batch):
        if step.n_updates == 17:
            raise RuntimeError("died")
        return update(step, batch)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStep, "update", die)
        with pytest.raises(RuntimeError, match="died"):
            _quick(**parameters).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1
    fitted = _quick(**parameters).fit(X, y)
    assert fitted.loss_curve_ == expected.loss_curve_
    assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))


def test_warm_start(fitted, X, y):
    on = clone(fitted).set_params(warm_start=fitted, max_iter=0).fit(X, y)
    assert_allclose(on.predict_proba(X), fitted.predict_proba(X), atol=1e-12)
    with pytest.raises(ValueError, match="classes that were not seen in fit: 'new'"):
        clone(on).set_params(warm_start=fitted).fit(X, np.where(y == "bar", "new", y))
    with pytest.raises(ValueError, match="network of the same shape"):
        clone(on).set_params(warm_start=fitted, fusion="concat").fit(X, y)


# What is refused.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: None, "requires y"),
        (lambda y: y[:-1], "inconsistent numbers"),
        (lambda y: np.full(240, "bar"), "at least two classes"),
        (lambda y: np.linspace(0, 1, 240), "continuous"),
        (lambda y: np.where(y == "bar", np.nan, 1.0), "NaN"),
        (lambda y: np.column_stack([y, y]), "1d array"),
    ],
)
def test_labels_are_checked(fitted, X, y, change, message):
    model = _quick(max_iter=0).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        model.fit(X, change(y))
    assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize(
    "parameters",
    [{"fusion": "both"}, {"classification_weight": 0.0}, {"warmup": 1.0}, {"warmup": -0.1}],
)
def test_parameters_are_checked(X, y, parameters):
    (name,) = parameters
    with pytest.raises(ValueError, match=name):
        _quick(**parameters).fit(X, y)
