"""DiffeomorphicAutoencoder."""

import pickle
import signal
from copy import deepcopy

import numpy as np
import pytest
import sklearn
import skops.io
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
)
from sklearn.utils.fixes import parse_version

import skae
from skae.datasets import make_deformed_shapes
from skae.engine import GradientStep
from skae.persistence import load, save
from skae.registration import DiffeomorphicAutoencoder, jacobian_determinant, warp_images


@pytest.fixture(scope="module")
def shapes():
    """120 bars of 16 x 16 pixels, deformed."""
    return make_deformed_shapes(
        120, n_classes=1, size=16, deformation=0.5, noise=0.05, random_state=0
    )


@pytest.fixture(scope="module")
def volumes():
    return make_deformed_shapes(12, n_classes=1, size=8, n_dims=3, random_state=0)


def _quick(**parameters):
    defaults = {"n_components": 3, "hidden_channels": (4, 4), "max_iter": 2, "random_state": 0}
    return DiffeomorphicAutoencoder(**defaults | parameters)


@pytest.fixture(scope="module")
def fitted(shapes):
    """An autoencoder that has learned."""
    model = _quick(n_components=6, hidden_channels=(16, 16), max_iter=60, batch_size=20)
    return model.fit(shapes.images)


def find_dice(one, other):
    return (2 * (one & other).sum() / (one.sum() + other.sum())).item()


# Where it starts.


@pytest.mark.thinned(2)
@pytest.mark.parametrize("integrator", ["svf", "epdiff"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("similarity", ["squared_error", "ncc"])
def test_the_start_is_the_mean_image_and_the_identity(shapes, integrator, affine, similarity):
    X = shapes.images[:20]
    parameters = {"integrator": integrator, "affine": affine, "similarity": similarity}
    model = _quick(max_iter=0, early_stopping=False, **parameters).fit(X)
    mean = X.mean(axis=0)
    assert_allclose(model.atlas_, mean, atol=1e-12)
    assert_allclose(model.mean_, mean.ravel(), atol=1e-12)
    assert_allclose(model.displacement(X), 0, atol=1e-12)
    assert_allclose(model.inverse_displacement(X), 0, atol=1e-12)
    assert_allclose(model.reconstruct(X), np.broadcast_to(mean, X.shape), atol=1e-12)
    pairs = model.register(X[:5], X[5:10])
    assert_allclose(pairs.warped, X[:5], atol=1e-12)
    assert_allclose(pairs.jacobian_determinant, 1, atol=1e-12)
    assert model.best_iter_ == model.n_iter_ == 0
    assert model.validation_curve_ is None
    assert model.score(X) == pytest.approx(0, abs=1e-10)


class Iterable:
    """Yields blocks, anew at every call."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


def test_it_learns_from_blocks(shapes):
    X = shapes.images
    model = _quick(early_stopping=False).fit(Iterable(np.split(X, 4)))
    mean = X.mean(axis=0)
    assert_allclose(model.mean_, mean.ravel(), atol=1e-12)
    start = clone(model).set_params(max_iter=0).fit(Iterable(np.split(X, 4)))
    assert_allclose(start.atlas_, mean, atol=1e-12)
    assert model.loss_curve_[0] == start.loss_curve_[0]
    assert model.loss_curve_[-1] < start.loss_curve_[0]
    assert model.reconstruct(X).shape == X.shape


def test_the_loss_of_the_start_is_the_variance(shapes):
    model = _quick(max_iter=0, early_stopping=False).fit(shapes.images)
    assert_allclose(model.loss_curve_, 1, rtol=1e-5)


# What it learns.


def test_it_learns(fitted, shapes):
    kept = fitted.validation_curve_[fitted.best_iter_]
    assert kept < 0.5 * fitted.validation_curve_[0]
    assert len(fitted.loss_curve_) == len(fitted.validation_curve_) == fitted.n_iter_ + 1
    assert fitted.score(shapes.images) > 0.7


def test_nothing_folds_and_all_is_undone(fitted, shapes):
    X = shapes.images
    pairs = fitted.register(X[:60], X[60:])
    assert np.abs(pairs.displacement).max() > 1
    assert pairs.jacobian_determinant.min() > 0
    assert_allclose(pairs.jacobian_determinant, jacobian_determinant(pairs.displacement))
    back = pairs.inverse_displacement
    errors = back + warp_images(pairs.displacement, back)
    inner = (..., slice(3, -3), slice(3, -3))
    assert np.abs(errors[inner]).mean() < 0.05


def test_masks_are_registered(fitted, shapes):
    X, masks = shapes.images, shapes.masks.astype(bool)
    pairs = fitted.register(X[:60], X[60:])
    warped = warp_images(masks[:60], pairs.displacement, order=0)
    apart = 1 - find_dice(masks[:60], masks[60:])
    assert 1 - find_dice(warped, masks[60:]) < 0.5 * apart
    assert_allclose(warp_images(X[:60], pairs.displacement), pairs.warped, atol=1e-12)
    back = fitted.register(X[60:], X[:60])
    assert_allclose(back.displacement, pairs.inverse_displacement, atol=1e-12)


def test_the_atlas_is_sharper_than_the_mean(fitted, shapes):
    """Its error to the template is smaller, as it is an image of the template's shape."""
    template = shapes.templates[0]
    errors = [
        np.square(image - template).mean()
        for image in (fitted.atlas_, fitted.mean_.reshape(16, 16))
    ]
    assert errors[0] < 0.75 * errors[1]


@pytest.mark.parametrize("affine", [True, False])
def test_the_atlas_is_in_the_middle(shapes, affine):
    """Where it is not asked to be, it is anywhere."""
    lengths = []
    for center_atlas in True, False:
        model = _quick(
            hidden_channels=(8, 8), affine=affine, center_atlas=center_atlas, max_iter=40
        )
        model.set_params(batch_size=20, early_stopping=False).fit(shapes.images)
        mean = model.displacement(shapes.images).mean(axis=0)
        lengths.append(np.sqrt(np.square(mean).sum(axis=0)).mean())
    assert lengths[0] < 0.1
    assert lengths[0] < lengths[1]


def test_displacements_lead_from_the_atlas_to_images(fitted, shapes):
    X = shapes.images[:10]
    warped = warp_images(fitted.atlas_[None], fitted.displacement(X))
    assert_allclose(fitted.reconstruct(X), warped, atol=1e-10)
    assert_allclose(fitted.inverse_transform(fitted.transform(X)), warped, atol=1e-10)
    # and back: the images in the atlas's shape have little left of their variance
    X = shapes.images
    straight = warp_images(X, fitted.inverse_displacement(X))
    assert straight.var(axis=0).mean() < 0.4 * X.var(axis=0).mean()


def test_images_are_warped_to_the_atlas(fitted, shapes):
    X, masks = shapes.images, shapes.masks
    field = fitted.inverse_displacement(X)
    assert_array_equal(fitted.warp(X), warp_images(X, field))
    assert_array_equal(fitted.warp(X, order=0), warp_images(X, field, order=0))
    assert_array_equal(fitted.warp(X, masks), warp_images(masks, field))
    colour = np.stack([X, masks], axis=1)
    assert_array_equal(fitted.warp(X, colour), warp_images(colour, field))
    assert_array_equal(fitted.warp(X, masks[:1]), warp_images(masks[:1], field))
    labels = fitted.warp(X, 7 * masks, order=0)
    assert labels.dtype == masks.dtype
    assert_array_equal(np.unique(labels), [0, 7])


def test_the_mean_of_warped_images_is_sharper(fitted, shapes):
    """Its edges are steeper, and it is closer to the template."""
    mean, straight = shapes.images.mean(axis=0), fitted.warp(shapes.images).mean(axis=0)
    steepness = [np.square(np.gradient(image)).sum() for image in (mean, straight)]
    assert steepness[1] > 1.2 * steepness[0]
    errors = [np.square(image - shapes.templates[0]).mean() for image in (mean, straight)]
    assert errors[1] < 0.75 * errors[0]


def test_labels_are_propagated(fitted, shapes):
    X, masks = shapes.images, shapes.masks
    labels = fitted.propagate_labels(X[60:], masks[:60], X_labelled=X[:60])
    assert labels.dtype == masks.dtype
    assert find_dice(labels, masks[60:]) > 0.93
    of_atlas = fitted.atlas_ > 0.5
    again = fitted.propagate_labels(X[60:], of_atlas)
    assert again.dtype == bool
    assert find_dice(again, masks[60:].astype(bool)) > 0.93


def test_new_shapes(fitted):
    drawn = fitted.sample(20, random_state=0)
    assert drawn.shape == (20, 16, 16)
    assert_array_equal(drawn, fitted.sample(20, random_state=0))
    assert drawn.std(axis=0).max() > 0.1
    assert drawn.min() > fitted.atlas_.min() - 1e-9
    assert drawn.max() < fitted.atlas_.max() + 1e-9
    assert_array_equal(skae.sample(fitted, 20, random_state=0), drawn)


def test_geodesics(shapes):
    X = shapes.images
    model = _quick(integrator="epdiff", affine=False, max_iter=8, batch_size=20).fit(X)
    assert model.score(X) > 0.1
    distance = model.geodesic_distance(X)
    assert distance.shape == (120,)
    # a shape as far on the other side has a code of the other sign
    code = model.transform(X)
    plan, decoder = model._plan, model._network.module.decoder
    energies = [
        decoder.find_energy(decoder.find_velocity(torch.tensor(c), 1), 1) for c in (code, -code)
    ]
    assert_allclose(energies[0], energies[1])
    assert_allclose(distance**2, energies[0])
    assert plan.integrator == "epdiff"
    assert distance.max() > 1.5 * distance.min() > 0


def test_flows_have_no_distance(fitted, shapes):
    with pytest.raises(ValueError, match="Fit with integrator='epdiff'"):
        fitted.geodesic_distance(shapes.images)


def test_windows_do_not_see_brightness(shapes):
    X = shapes.images * np.random.default_rng(0).uniform(0.5, 2, (120, 1, 1)) + 3
    model = _quick(similarity="ncc", max_iter=15, batch_size=10, hidden_channels=(8, 8)).fit(X)
    assert model.validation_curve_[model.best_iter_] < 0.95 * model.validation_curve_[0]
    masks = shapes.masks.astype(bool)
    pairs = model.register(X[:60], X[60:])
    warped = warp_images(masks[:60], pairs.displacement, order=0)
    assert find_dice(warped, masks[60:]) > find_dice(masks[:60], masks[60:])


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("integrator", ["svf", "epdiff"])
def test_volumes(volumes, n_channels, integrator):
    X = np.stack([volumes.images] * n_channels, axis=1)
    model = _quick(integrator=integrator, control_spacing=2, batch_size=4).fit(X)
    assert model.transform(X).shape == (12, 3 + 12)
    assert model.atlas_.shape == (n_channels, 8, 8, 8)
    pairs = model.register(X[:2], X[2:4])
    assert pairs.displacement.shape == (2, 3, 8, 8, 8)
    assert pairs.warped.shape == (2, n_channels, 8, 8, 8)
    assert pairs.jacobian_determinant.shape == (2, 8, 8, 8)
    assert pairs.jacobian_determinant.min() > 0
    labels = model.propagate_labels(X, volumes.masks[:3], X_labelled=X[:3])
    assert labels.shape == (12, 8, 8, 8)
    assert_allclose(model.warp(X), warp_images(X, model.inverse_displacement(X)))


# What does not change it.


def test_images_do_not_depend_on_each_other(fitted, shapes):
    X = shapes.images[:8]
    apart = np.concatenate([fitted.displacement(image[None]) for image in X])
    assert_allclose(fitted.displacement(X), apart, atol=1e-10)


def test_units(shapes):
    X = shapes.images
    expected = _quick().fit(X)
    model = _quick().fit(8 * X + 300)
    assert_allclose(model.atlas_, 8 * expected.atlas_ + 300, atol=1e-3)
    assert_allclose(model.transform(8 * X + 300), expected.transform(X), atol=1e-4)


def test_one_moving_image_for_all(fitted, shapes):
    X = shapes.images
    pairs = fitted.register(X[:1], X[1:6])
    assert_allclose(pairs.displacement, fitted.register(X[[0] * 5], X[1:6]).displacement)
    assert pairs.warped.shape == (5, 16, 16)


def test_an_image_and_itself(fitted, shapes):
    pairs = fitted.register(shapes.images[:5], shapes.images[:5])
    assert np.abs(pairs.displacement).max() < 0.2
    assert np.abs(pairs.displacement).mean() < 0.03


def test_the_same_seed_the_same_result(shapes):
    state = torch.get_rng_state()
    one, same = (_quick().fit(shapes.images).transform(shapes.images) for _ in "ab")
    assert_array_equal(one, same)
    assert (torch.get_rng_state() == state).all()
    other = _quick(random_state=1).fit(shapes.images).transform(shapes.images)
    assert np.abs(one - other).max() > 1e-6


def test_single_precision(fitted, shapes):
    X = shapes.images.astype(np.float32)
    pairs, double = (
        fitted.register(X[:5], X[5:10]),
        fitted.register(*np.split(shapes.images[:10], 2)),
    )
    for name in pairs:
        assert pairs[name].dtype == np.float32
        assert_allclose(pairs[name], double[name], atol=1e-3)
    assert fitted.transform(X).dtype == fitted.warp(X).dtype == np.float32
    assert_allclose(fitted.warp(X), fitted.warp(shapes.images), atol=1e-3)


def test_half_precision_is_for_convolutions(shapes):
    """Positions would be wrong by pixels."""
    parameters = {"max_iter": 4, "batch_size": 10}
    half, single = (
        _quick(precision=precision, **parameters).fit(shapes.images)
        for precision in ("bfloat16", "float32")
    )
    assert half.loss_curve_ != single.loss_curve_
    assert half.score(shapes.images) == pytest.approx(single.score(shapes.images), abs=0.1)
    assert half.score(shapes.images) > 0.1


LAYOUTS = {
    "first": lambda maps: maps,
    "last": lambda maps: np.moveaxis(maps, 1, -1),
    "flat": lambda maps: maps.reshape(len(maps), -1),
    "flat_last": lambda maps: np.moveaxis(maps, 1, -1).reshape(len(maps), -1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_layouts_give_the_same(shapes, layout):
    X = np.stack([shapes.images, 1 - shapes.images[::-1]], axis=1)[:30]
    expected = _quick().fit(X)
    parameters = {"channels": "last"} if "last" in layout else {}
    if "flat" in layout:
        parameters["image_shape"] = (16, 16, 2) if "last" in layout else (2, 16, 16)
    convert = LAYOUTS[layout]
    model = _quick(**parameters).fit(convert(X))
    assert_allclose(model.displacement(convert(X)), expected.displacement(X), atol=1e-5)
    assert_allclose(model.reconstruct(convert(X)), convert(expected.reconstruct(X)), atol=1e-5)
    pairs = model.register(convert(X[:4]), convert(X[4:8]))
    assert_allclose(pairs.warped, convert(expected.register(X[:4], X[4:8]).warped), atol=1e-5)
    assert pairs.displacement.shape == (4, 2, 16, 16)
    assert_allclose(model.atlas_, convert(expected.atlas_[None])[0], atol=1e-5)
    assert_allclose(model.warp(convert(X)), convert(expected.warp(X)), atol=1e-5)
    # other images are always in the layout of warp_images
    assert_allclose(model.warp(convert(X), X), expected.warp(X), atol=1e-5)


@pytest.mark.parametrize("sizes", [(2, 2), (5, 33), (7, 3)])
@pytest.mark.parametrize("spacing", [1, 4, 7])
def test_all_sizes(sizes, spacing):
    X = np.random.default_rng(0).normal(size=(12, *sizes))
    model = _quick(control_spacing=spacing, max_iter=1, image_shape=(1, *sizes)).fit(X)
    assert np.isfinite(model.register(X[:3], X[3:6]).warped).all()


def test_constant_images():
    X = np.full((12, 6, 6), 7.0)
    model = _quick().fit(X)
    assert_allclose(model.reconstruct(X), X, atol=1e-3)
    assert_allclose(model.atlas_, 7, atol=1e-3)


# scikit-learn.


def test_codes_in_a_pipeline():
    shapes = make_deformed_shapes(80, n_classes=2, size=16, random_state=0)
    X, y = shapes.images, shapes.target
    pipeline = make_pipeline(_quick(max_iter=1), LogisticRegression())
    grid = {"diffeomorphicautoencoder__n_components": [2, 3]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.predict(X).shape == (80,)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_names_of_codes(shapes):
    model = _quick(max_iter=0).fit(shapes.images)
    names = model.get_feature_names_out()
    assert len(names) == model.transform(shapes.images).shape[1] == 9
    assert names[0] == "diffeomorphicautoencoder0"
    assert model.n_components_ == 3
    plain = _quick(max_iter=0, affine=False).fit(shapes.images)
    assert plain.transform(shapes.images).shape == (120, 3)


def test_tensors_are_answered_with_tensors(shapes):
    X = shapes.images[:20]
    expected = _quick().fit(X)
    with config_context(array_api_dispatch=True):
        tensors = torch.tensor(X)
        model = _quick().fit(tensors)
        pairs = model.register(tensors[:5], tensors[5:10])
        labels = model.propagate_labels(tensors, torch.tensor(shapes.masks[0]))
        warped = model.warp(tensors, torch.tensor(shapes.masks[:20]), order=0)
        fields = model.displacement(tensors)
        results = [*pairs.values(), labels, warped, model.warp(tensors), fields, model.atlas_]
    assert all(isinstance(result, torch.Tensor) for result in results)
    assert_allclose(pairs.warped, expected.register(X[:5], X[5:10]).warped, atol=1e-10)
    assert labels.dtype == warped.dtype == torch.uint8
    assert_allclose(warped, expected.warp(X, shapes.masks[:20], order=0))


def test_conventions():
    model = DiffeomorphicAutoencoder()
    check_get_params_invariance("DiffeomorphicAutoencoder", model)
    check_no_attributes_set_in_init("DiffeomorphicAutoencoder", model)
    assert not model.__sklearn_tags__().input_tags.two_d_array
    assert clone(model).set_params(image_shape=(1, 8, 8)).__sklearn_tags__().input_tags.two_d_array


@pytest.mark.parametrize("similarity", ["squared_error", "ncc"])
def test_pickles_hold_plain_values(shapes, similarity):
    model = _quick(similarity=similarity).fit(shapes.images)
    dump = pickle.dumps(model)
    assert b"torch" not in dump
    assert dump.count(b"skae") == 1
    for same in pickle.loads(dump), deepcopy(model):
        assert_array_equal(same.displacement(shapes.images), model.displacement(shapes.images))
        assert_array_equal(same.sample(2, random_state=0), model.sample(2, random_state=0))


def test_skops_has_one_class_to_trust(shapes):
    model = _quick().fit(shapes.images)
    dump = skops.io.dumps(model)
    trusted = skops.io.get_untrusted_types(data=dump)
    assert trusted == ["skae.registration.DiffeomorphicAutoencoder"]
    same = skops.io.loads(dump, trusted=trusted)
    assert_array_equal(same.transform(shapes.images), model.transform(shapes.images))


@pytest.mark.parametrize(
    "parameters", [{}, {"affine": False}, {"integrator": "epdiff"}, {"similarity": "ncc"}]
)
def test_files(shapes, tmp_path, parameters):
    X = shapes.images
    model = _quick(max_iter=1, **parameters).fit(X)
    save(model, tmp_path / "file")
    same = load(tmp_path / "file")
    assert type(same) is DiffeomorphicAutoencoder
    assert repr(same.get_params()) == repr(model.get_params())
    assert same.__dict__.keys() == model.__dict__.keys()
    assert_array_equal(same.atlas_, model.atlas_)
    assert_array_equal(same.sample(2, random_state=0), model.sample(2, random_state=0))
    pairs, expected = (each.register(X[:3], X[3:6]) for each in (same, model))
    for name, value in expected.items():
        assert_array_equal(pairs[name], value)
    save(same, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "file").read_bytes()


def test_modules_do_what_methods_do(fitted, shapes):
    X = shapes.images[:5]
    rows = torch.tensor(X.reshape(5, -1), dtype=torch.float32)
    code = fitted.encoder_(rows)
    assert_allclose(code.detach(), fitted.transform(X), atol=1e-4)
    images = fitted.decoder_(code).detach().reshape(5, 16, 16)
    assert_allclose(images, fitted.reconstruct(X), atol=1e-3)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="older ones show no fitted attributes and have no callbacks",
)
def test_parameters_and_attributes_are_described(shapes):
    model = _quick().fit(shapes.images)
    shown = model._repr_html_()
    described = shown.count('<span class="param-doc-description"')
    n_attributes = shown[shown.index("Fitted attributes") :].count('class="fitted-att-type"')
    assert n_attributes > 5
    assert described == len(model.get_params()) + n_attributes


def test_a_fit_that_was_cut_off_goes_on(shapes, tmp_path, monkeypatch):
    parameters = {"max_iter": 4, "checkpoint": tmp_path, "checkpoint_every": 2, "batch_size": 20}
    expected = _quick(**parameters).fit(shapes.images)
    update = GradientStep.update

    def die(step, batch):
        if step.n_updates == 17:
            raise RuntimeError("died")
        return update(step, batch)

    with monkeypatch.context() as patch:
        patch.setattr(GradientStep, "update", die)
        with pytest.raises(RuntimeError, match="died"):
            _quick(**parameters).fit(shapes.images)
    assert len(list(tmp_path.iterdir())) == 1
    fitted = _quick(**parameters).fit(shapes.images)
    assert fitted.loss_curve_ == expected.loss_curve_
    assert_array_equal(fitted.transform(shapes.images), expected.transform(shapes.images))


def test_warm_start(shapes, fitted):
    X = shapes.images
    on = clone(fitted).set_params(warm_start=fitted, max_iter=1).fit(X)
    assert on.validation_curve_[0] < 0.6
    with pytest.raises(ValueError, match="network of the same shape"):
        _quick(warm_start=fitted).fit(X)


def test_ctrl_c(shapes, monkeypatch):
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    update = GradientStep.update

    def interrupt(step, batch):
        if step.n_updates == 7:
            signal.raise_signal(signal.SIGINT)
        return update(step, batch)

    monkeypatch.setattr(GradientStep, "update", interrupt)
    try:
        with pytest.warns(UserWarning, match="interrupted by user"):
            model = _quick(max_iter=10).fit(shapes.images)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert model.n_iter_ < 10
    assert np.isfinite(model.displacement(shapes.images)).all()


def test_a_fit_that_fails_leaves_no_trace(shapes):
    model = _quick().fit(shapes.images)
    expected = model.transform(shapes.images)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(shapes.images > 1, np.nan, shapes.images)[:, :5])
    assert_array_equal(model.transform(shapes.images), expected)


def test_a_training_that_diverges_is_told_of(shapes):
    with pytest.raises(ValueError, match=r"diverged: .* Lower learning_rate_init"):
        _quick(learning_rate_init=1e12, max_iter=20, regularization=0.0).fit(shapes.images)


# Bad input.


GREY = np.random.default_rng(0).normal(size=(10, 8, 8))
COLOUR = np.random.default_rng(0).normal(size=(10, 8, 8, 3))


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "n_components": [0, 1.5, "auto"],
        "integrator": ["euler", None],
        "affine": ["yes"],
        "control_spacing": [0, 2.5],
        "alpha": [-1],
        "gamma": [0, -1],
        "power": [0],
        "regularization": [-1],
        "similarity": ["mse"],
        "center_atlas": ["no"],
        "channels": ["middle"],
        "image_shape": ["square", (1, 8), (1, 8, 8, 8, 8), (0, 8, 8)],
        "hidden_channels": [(), (0,), (2.5,), "wide"],
        "learning_rate_init": [0],
        "max_iter": [-1],
        "latent_density": ["flow"],
        "random_state": ["seed"],
    }.items(),
)
def test_bad_parameters(name, values):
    for value in values:
        with pytest.raises(ValueError, match=name):
            _quick(**{name: value}).fit(GREY)


@pytest.mark.parametrize(
    ("X", "parameters", "message"),
    [
        (GREY.reshape(10, 64), {}, r"do not give the shape of an image\. Set image_shape, such as"),
        (GREY.reshape(10, 64), {"image_shape": (1, 8, 9)}, "does not match image_shape"),
        (COLOUR, {}, "set channels='last'"),
        (GREY[:, :, :1], {}, "8 x 1 pixels cannot be deformed"),
        (GREY[:1], {}, "minimum of 2 is required"),
        (np.where(GREY > 2, np.nan, GREY), {}, "Input X contains NaN"),
        (np.where(GREY > 2, np.inf, GREY), {}, "Input X contains infinity"),
        (1e39 * GREY, {}, "contains a value too large"),
        (GREY[:, None, None, None], {}, "at most volumes with channels"),
        (GREY[0, 0], {}, "Expected 2D array, got 1D array"),
        (GREY + 1j, {}, "Complex data not supported"),
    ],
)
def test_what_fit_refuses(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        _quick(**parameters).fit(X)


METHODS = ["transform", "reconstruct", "displacement", "inverse_displacement", "score", "warp"]


def test_what_methods_refuse(fitted, shapes):
    X = shapes.images
    for method in METHODS:
        with pytest.raises(NotFittedError):
            getattr(_quick(), method)(X)
        with pytest.raises(ValueError, match=r"X has images of shape \(15, 16\)"):
            getattr(fitted, method)(X[:, 1:])
        with pytest.raises(ValueError, match=r"X has shape \(16, 16\), .* Give X\[None\]"):
            getattr(fitted, method)(X[0])
    for call in (
        lambda model: model.register(X, X),
        lambda model: model.propagate_labels(X, X[0]),
        lambda model: model.geodesic_distance(X),
        lambda model: model.sample(),
        lambda model: model.inverse_transform(X[:, 0]),
    ):
        with pytest.raises(NotFittedError):
            call(_quick())
    with pytest.raises(ValueError, match="moving has 2 images, fixed has 3"):
        fitted.register(X[:2], X[:3])
    with pytest.raises(ValueError, match=r"order must be 0 .* Got 2"):
        fitted.warp(X, order=2)
    with pytest.raises(ValueError, match="2 images and 3 displacement fields"):
        fitted.warp(X[:3], X[:2])
    with pytest.raises(ValueError, match=r"shape \(n, 16, 16\), or .* Got \(3, 256\)"):
        fitted.warp(X[:3], X[:3].reshape(3, -1))
    with pytest.raises(ValueError, match="X has 5 columns"):
        fitted.inverse_transform(X[:3, 0, :5])
    with pytest.raises(ValueError, match="n_samples must be an int of at least 1"):
        fitted.sample(0)
    with pytest.raises(ValueError, match=r"the atlas, \(16, 16\). Got \(3, 16, 16\)"):
        fitted.propagate_labels(X, shapes.masks[:3])
    with pytest.raises(ValueError, match=r"X_labelled, \(2, 16, 16\). Got \(3, 16, 16\)"):
        fitted.propagate_labels(X, shapes.masks[:3], X_labelled=X[:2])
