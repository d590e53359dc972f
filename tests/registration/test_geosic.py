"""GeoSICClassifier."""

import pickle

import numpy as np
import pytest
import sklearn
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
from sklearn.utils.fixes import parse_version

from skae.datasets import make_deformed_shapes
from skae.engine import GradientStep
from skae.metrics import adversarial_accuracy, dice
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
    model = _quick(n_components=6, hidden_channels=(16, 16), max_iter=40, batch_size=20)
    return model.fit(X[:180], y[:180])


@pytest.fixture(scope="module")
def of_classes(X, y):
    """A classifier with an atlas for each class, that has learned."""
    model = _quick(n_components=6, hidden_channels=(16, 16), max_iter=40, batch_size=20)
    return model.set_params(per_class_atlas=True).fit(X[:180], y[:180])


@pytest.fixture(scope="module", params=["fitted", "of_classes"])
def either(request):
    """A classifier with one atlas, and one with several."""
    return request.getfixturevalue(request.param)


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


@pytest.mark.parametrize("channels", ["first", "last"])
@pytest.mark.parametrize("affine", [True, False])
def test_atlases_start_at_the_means_of_classes(X, y, affine, channels):
    maps = np.stack([X, 1 - X**2], axis=1 if channels == "first" else -1)
    model = _quick(per_class_atlas=True, affine=affine, channels=channels, max_iter=0)
    model.set_params(early_stopping=False).fit(maps, y)
    means = [maps[y == name].mean(axis=0) for name in ("bar", "other")]
    assert_allclose(model.atlas_, means, atol=1e-12)
    assert_allclose(model.mean_, maps.mean(axis=0).ravel(), atol=1e-12)
    assert_allclose(model.displacement(maps), 0, atol=1e-12)
    assert (model.predict(maps) == "other").all()
    assert_allclose(model.reconstruct(maps)[0], means[1], atol=1e-12)
    # its loss is what the true classes leave of the variance
    errors = maps - np.stack(means)[(y == "other").astype(int)]
    expected = np.square(errors).sum() / np.square(maps - maps.mean(axis=0)).sum()
    assert_allclose(model.loss_curve_, expected + entropy([1 / 3, 2 / 3]), rtol=1e-5)


def test_a_class_without_training_images_starts_at_the_mean_of_all(X):
    y = np.zeros(240, dtype=int)
    y[0] = 1
    atlases = [
        _quick(max_iter=0, validation_fraction=0.5, per_class_atlas=True, random_state=seed)
        .fit(X, y)
        .atlas_
        for seed in range(5)
    ]
    is_held_out = [np.allclose(*pair) for pair in atlases]
    is_seen = [np.allclose(other, X[0]) for _, other in atlases]
    assert any(is_held_out)
    assert any(is_seen)
    assert_array_equal(is_held_out, np.logical_not(is_seen))


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


def test_it_learns(either, X, y):
    assert either.score(X[180:], y[180:]) > 0.9
    kept = either.validation_curve_[either.best_iter_]
    assert kept < 0.5 * either.validation_curve_[0]
    errors = -either.score_samples(X[180:]).sum()
    assert errors < 0.6 * np.square(X[180:] - either.mean_.reshape(16, 16)).sum()


def test_codes_tell_the_predicted_class(of_classes, X):
    codes = of_classes.transform(X)
    assert codes.shape == (240, 6 + 6 + 2)
    assert of_classes.n_components_ == 6
    assert_array_equal(of_classes.classes_[codes[:, 12:].argmax(axis=1)], of_classes.predict(X))
    assert_array_equal(np.sort(codes[:, 12:], axis=1), np.tile([0, 1], (240, 1)))
    atlases = of_classes.atlas_[codes[:, 12:].argmax(axis=1)]
    warped = warp_images(atlases, of_classes.displacement(X))
    assert_allclose(of_classes.inverse_transform(codes), warped, atol=1e-10)
    # the column that is the largest counts, and the place of a class is no part of a shape
    codes[:, 12:] = [[0.1, 0.3]]
    of_other = warp_images(of_classes.atlas_[[1] * 240], of_classes.displacement(X))
    assert_allclose(of_classes.inverse_transform(codes), of_other, atol=1e-10)


def test_every_class_has_its_atlas(of_classes, X, y):
    """Each is nearer to what its images look like than the other one is."""
    straight = warp_images(X, of_classes.inverse_displacement(X))
    means = np.stack([straight[y == name].mean(axis=0) for name in of_classes.classes_])
    errors = np.square(of_classes.atlas_[:, None] - means).mean(axis=(2, 3))
    assert errors.diagonal().max() < 0.25 * min(errors[0, 1], errors[1, 0])


def test_every_atlas_is_in_the_middle_of_its_class(X, y):
    X, y = X[:120], y[:120]
    lengths = []
    for center_atlas in True, False:
        model = _quick(per_class_atlas=True, center_atlas=center_atlas, hidden_channels=(8, 8))
        model.set_params(max_iter=30, batch_size=20, early_stopping=False).fit(X, y)
        fields = model.displacement(X)
        means = [fields[y == name].mean(axis=0) for name in ("bar", "other")]
        lengths.append([np.sqrt(np.square(mean).sum(axis=0)).mean() for mean in means])
    assert max(lengths[0]) < 0.12
    assert max(lengths[0]) < max(lengths[1])


def test_modules_do_what_methods_do(either, X):
    codes = either.transform(X)
    with torch.no_grad():
        encoded = either.encoder_(torch.tensor(X.reshape(240, -1))).numpy()
        decoded = either.decoder_(torch.tensor(codes, dtype=torch.float32)).numpy()
    assert_allclose(encoded, codes, atol=1e-3)
    assert_allclose(decoded, either.inverse_transform(codes).reshape(240, -1), atol=1e-3)


@pytest.mark.parametrize("density", ["gmm", "gaussian", "kde"])
def test_new_shapes_have_an_atlas(of_classes, X, density):
    model = clone(of_classes).set_params(latent_density=density, warm_start=of_classes, max_iter=0)
    y = of_classes.predict(X)
    drawn = model.fit(X, y).sample(60, random_state=0)
    assert drawn.shape == (60, 16, 16)
    # they lie in the range of one atlas or the other, and are of both classes
    limits = model.atlas_.min() - 1e-9, model.atlas_.max() + 1e-9
    assert limits[0] < drawn.min()
    assert drawn.max() < limits[1]
    assert len(set(model.predict(drawn))) == 2


def test_labels_of_atlases(of_classes, shapes, X):
    masks = shapes.masks[180:]
    of_atlases = of_classes.atlas_ > 0.5
    assert dice(masks, of_classes.propagate_labels(X[180:], of_atlases)) > 0.9
    # and the labels of the right one
    numbers = np.arange(1, 3)[:, None, None] * np.ones((1, 16, 16), dtype=int)
    found = of_classes.propagate_labels(X[180:], numbers)
    assert_array_equal(of_classes.classes_[found[:, 0, 0] - 1], of_classes.predict(X[180:]))
    with pytest.raises(ValueError, match=r"of all atlases, \(2, 16, 16\). Got \(16, 16\)"):
        of_classes.propagate_labels(X, of_atlases[0])


def test_labels_of_images_are_for_their_class(of_classes, shapes, X):
    predicted = of_classes.predict(X)
    labels = (predicted == "bar")[:, None, None] * np.ones((1, 16, 16), dtype=int)
    found = of_classes.propagate_labels(X[180:], labels[:60], X_labelled=X[:60])
    assert_array_equal(found, labels[180:])
    of_shapes = of_classes.propagate_labels(X[180:], shapes.masks[:60], X_labelled=X[:60])
    assert dice(shapes.masks[180:], of_shapes) > 0.9
    bars = X[predicted == "bar"]
    assert of_classes.propagate_labels(bars, labels[:4], X_labelled=bars[:4]).shape == bars.shape
    with pytest.raises(ValueError, match=r"atlas_\[1\], of which X_labelled has none"):
        of_classes.propagate_labels(X, labels[:4], X_labelled=bars[:4])


def test_pairs_of_two_classes(of_classes, shapes, X):
    """What is moved gets the place of what is fixed, as well as pairs of one class do."""
    is_bar = of_classes.predict(X) == "bar"
    bars, others = X[is_bar][:40], X[~is_bar][:40]
    pairs = of_classes.register(bars, others)
    assert pairs.jacobian_determinant.min() > 0
    masks, fixed = shapes.masks[is_bar][:40], shapes.masks[~is_bar][:40]
    warped = warp_images(masks, pairs.displacement, order=0)
    assert dice(fixed, warped) > dice(fixed, masks)
    back = of_classes.register(others, bars)
    assert_allclose(back.displacement, pairs.inverse_displacement, atol=1e-12)


def test_geodesic_distances_are_those_from_atlases(X, y):
    model = _quick(per_class_atlas=True, integrator="epdiff", control_spacing=8, max_iter=1)
    model.set_params(batch_size=40, affine=False).fit(X, y)
    distance = model.geodesic_distance(X)
    assert distance.shape == (240,)
    # shapes are as far from any atlas: it is the way that is measured
    zero = model.inverse_transform(np.array([[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]))
    assert_allclose(zero, model.atlas_, atol=1e-10)
    assert distance.min() >= 0
    assert distance.max() > 0


@pytest.mark.parametrize("fusion", ["concat", "shape_only"])
def test_other_fusions_learn(X, y, fusion):
    model = _quick(fusion=fusion, hidden_channels=(16, 16), max_iter=20, batch_size=20)
    assert model.fit(X[:180], y[:180]).score(X[180:], y[180:]) > 0.85


def test_codes_deform_the_atlas(fitted, X):
    codes = fitted.transform(X)
    assert codes.shape == (240, 12)
    warped = warp_images(fitted.atlas_[None], fitted.displacement(X))
    assert_allclose(fitted.inverse_transform(codes), warped, atol=1e-6)
    assert fitted.register(X[:3], X[3:6]).jacobian_determinant.min() > 0


def test_predictions_agree(either, X):
    proba = either.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    assert_array_equal(either.classes_[proba.argmax(axis=1)], either.predict(X))
    single = X.astype(np.float32)
    assert either.predict_proba(single).dtype == np.float32
    assert_allclose(either.predict_proba(single), proba, atol=1e-4)
    assert_allclose(either.predict_proba(X[5:7]), proba[5:7], atol=1e-6)


def test_the_score_is_the_accuracy(either, X, y):
    is_right = either.predict(X) == y
    assert either.score(X, y) == is_right.mean()
    weights = np.random.default_rng(0).uniform(size=240)
    expected = np.average(is_right, weights=weights)
    assert either.score(X, y, weights) == pytest.approx(expected)


def test_the_module_gives_logits(either, X):
    logits = either.classifier_(torch.tensor(X.reshape(240, -1))).detach().numpy()
    assert_allclose(log_softmax(logits, axis=1), np.log(either.predict_proba(X)), atol=1e-3)


def test_it_can_be_attacked(either, X, y):
    accuracies = [
        adversarial_accuracy(either, X, y, attack=attack, epsilon=0.3, random_state=0)
        for attack in ("pgd", "fgsm")
    ]
    assert accuracies[0] <= accuracies[1] < either.score(X, y)


@pytest.mark.parametrize("per_class_atlas", [False, True])
def test_half_precision(X, y, per_class_atlas):
    """Classes are whole numbers there as well."""
    parameters = {"max_iter": 4, "batch_size": 20, "per_class_atlas": per_class_atlas}
    half, single = (
        _quick(precision=precision, **parameters).fit(X, y) for precision in ("bfloat16", "float32")
    )
    assert half.loss_curve_ != single.loss_curve_
    assert_allclose(half.loss_curve_, single.loss_curve_, rtol=0.05)


def test_volumes():
    shapes = make_deformed_shapes(20, n_classes=2, size=8, n_dims=3, random_state=0)
    model = _quick(image_shape=(1, 8, 8, 8)).fit(shapes.images, shapes.target)
    assert model.predict(shapes.images).shape == (20,)
    assert model.atlas_.shape == (8, 8, 8)
    model.set_params(per_class_atlas=True, batch_size=5).fit(shapes.images, shapes.target)
    assert model.atlas_.shape == (2, 8, 8, 8)
    assert model.transform(shapes.images).shape == (20, 3 + 12 + 2)
    assert model.sample(3, random_state=0).shape == (3, 8, 8, 8)


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
    grid = {"per_class_atlas": [True, False]}
    search = GridSearchCV(_quick(max_iter=1), grid, cv=2).fit(X, y)
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


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones show no fitted attributes and have no callbacks",
)
def test_parameters_and_attributes_are_described(either):
    shown = either._repr_html_()
    described = shown.count('<span class="param-doc-description"')
    n_attributes = shown[shown.index("Fitted attributes") :].count('class="fitted-att-type"')
    assert n_attributes > 6
    assert described == len(either.get_params()) + n_attributes


def test_names_of_codes(either, X):
    names = either.get_feature_names_out()
    assert len(names) == either.transform(X).shape[1] == either.latent_density_.codes.shape[1]


def test_the_same_seed_the_same_result(X, y):
    one, same = (_quick(per_class_atlas=True).fit(X, y) for _ in "ab")
    assert_array_equal(one.transform(X), same.transform(X))
    assert_array_equal(one.atlas_, same.atlas_)


def test_a_fit_that_fails_leaves_no_trace(of_classes, X, y):
    model = clone(of_classes).set_params(max_iter=1).fit(X, y)
    expected = model.transform(X)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(X > 1, np.nan, X), y)
    assert_array_equal(model.transform(X), expected)


def test_numbers_as_labels(X, y, fitted):
    labels = np.where(y == "bar", 7, -3)
    model = clone(fitted).set_params(max_iter=1).fit(X, labels)
    assert_array_equal(model.classes_, [-3, 7])
    assert set(model.predict(X)) <= {-3, 7}


@pytest.mark.parametrize("per_class_atlas", [False, True])
def test_tensors_are_answered_with_tensors(X, shapes, per_class_atlas):
    model = _quick(per_class_atlas=per_class_atlas)
    expected = clone(model).fit(X, shapes.target).predict_proba(X)
    with config_context(array_api_dispatch=True):
        tensors = torch.tensor(X)
        model.fit(tensors, torch.tensor(shapes.target))
        proba, predicted = model.predict_proba(tensors), model.predict(tensors)
        labels = model.propagate_labels(tensors, model.atlas_ > 0.5)
        for result in (proba, predicted, labels, model.atlas_):
            assert isinstance(result, torch.Tensor)
    assert_allclose(proba, expected, atol=1e-10)


def test_files(either, X, tmp_path):
    fitted = either
    save(fitted, tmp_path / "file")
    dump = pickle.dumps(fitted)
    assert b"torch" not in dump
    assert dump.count(b"skae") == 1
    content = skops.io.dumps(fitted)
    trusted = skops.io.get_untrusted_types(data=content)
    assert trusted == ["skae.registration.GeoSICClassifier"]
    again = load(tmp_path / "file"), pickle.loads(dump), skops.io.loads(content, trusted=trusted)
    for same in again:
        assert repr(same.get_params()) == repr(fitted.get_params())
        assert_array_equal(same.predict_proba(X), fitted.predict_proba(X))
        assert_array_equal(same.displacement(X), fitted.displacement(X))
        assert_array_equal(same.reconstruct(X), fitted.reconstruct(X))
        assert_array_equal(same.sample(3, random_state=0), fitted.sample(3, random_state=0))


@pytest.mark.parametrize("per_class_atlas", [False, True])
def test_a_fit_that_was_cut_off_goes_on(X, y, tmp_path, monkeypatch, per_class_atlas):
    parameters = {"max_iter": 4, "checkpoint": tmp_path, "checkpoint_every": 2, "batch_size": 40}
    parameters["per_class_atlas"] = per_class_atlas
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


def test_warm_start(either, X, y):
    fitted = either
    on = clone(fitted).set_params(warm_start=fitted, max_iter=0).fit(X, y)
    assert_allclose(on.predict_proba(X), fitted.predict_proba(X), atol=1e-12)
    assert_array_equal(on.atlas_, fitted.atlas_)
    # of some classes only
    is_bar = y == "bar"
    on.set_params(warm_start=True, max_iter=1).fit(X[is_bar], y[is_bar])
    assert_array_equal(on.classes_, ["bar", "other"])
    with pytest.raises(ValueError, match="classes that were not seen in fit: 'new'"):
        clone(on).set_params(warm_start=fitted).fit(X, np.where(y == "bar", "new", y))
    with pytest.raises(ValueError, match="network of the same shape"):
        clone(on).set_params(warm_start=fitted, fusion="concat").fit(X, y)
    other = not fitted.per_class_atlas
    with pytest.raises(ValueError, match="network of the same shape"):
        clone(on).set_params(warm_start=fitted, per_class_atlas=other).fit(X, y)


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
    [
        {"fusion": "both"},
        {"classification_weight": 0.0},
        {"warmup": 1.0},
        {"warmup": -0.1},
        {"per_class_atlas": "yes"},
    ],
)
def test_parameters_are_checked(X, y, parameters):
    (name,) = parameters
    with pytest.raises(ValueError, match=name):
        _quick(**parameters).fit(X, y)
