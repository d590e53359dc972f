"""One pass at a time over images: to images, to labels, deformations."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skae.datasets import make_deformed_shapes
from skae.image import ImageColorizer, ImageSegmenter, ImageToImageRegressor
from skae.persistence import load, save
from skae.registration import AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier

SHAPES = make_deformed_shapes(40, n_classes=2, size=12, random_state=0)
X = (SHAPES.images - SHAPES.images.min()) / np.ptp(SHAPES.images)
COLORS = np.stack([X, X**2, 1 - X], axis=1)
MASKS, CLASSES = SHAPES.masks.astype(int), SHAPES.target
SETTINGS = {"random_state": 0, "batch_size": 10, "max_iter": 10}
IMAGING = SETTINGS | {"base_channels": 2, "depth": 1, "filter_size": 3}
DEFORMING = SETTINGS | {"n_components": 2, "hidden_channels": (4, 4)}
CASES = {
    "regressor": (ImageToImageRegressor(**IMAGING), (X, COLORS)),
    "colorizer": (ImageColorizer(**IMAGING), (COLORS, None)),
    "segmenter": (ImageSegmenter(**IMAGING), (X, MASKS)),
    "autoencoder": (DiffeomorphicAutoencoder(**DEFORMING), (X, None)),
    "classifier": (GeoSICClassifier(per_class_atlas=True, warmup=0.0, **DEFORMING), (X, CLASSES)),
    "atlas segmenter": (
        AtlasSegmenter(base_channels=2, refine_steps=0, **DEFORMING),
        (X, MASKS),
    ),
}
over_cases = pytest.mark.parametrize("name", CASES)
LABELLED = pytest.mark.parametrize("name", ["segmenter", "classifier", "atlas segmenter"])


def make(name, **parameters):
    """Return an estimator that is not fitted, and its X and y."""
    estimator, data = CASES[name]
    return clone(estimator).set_params(**parameters), data


def take(data, rows):
    return [None if part is None else part[rows] for part in data]


def apply(model):
    """Return what the fitted network makes of its images."""
    for method in ("predict_proba", "predict", "reconstruct"):
        if hasattr(model, method):
            return getattr(model, method)(COLORS if isinstance(model, ImageColorizer) else X)
    raise AssertionError(model)


class Blocks:
    def __init__(self, array):
        self.array = array

    def __iter__(self):
        return iter(np.split(self.array, [15, 22]))


@over_cases
def test_the_first_pass_starts_where_a_fit_does(name):
    model, data = make(name, learning_rate_init=1e-12)
    model.partial_fit(*data)
    start, _ = make(name, max_iter=0, early_stopping=False)
    start.fit(*data)
    assert_allclose(apply(model), apply(start), atol=1e-5)
    assert_allclose(model.loss_curve_, start.loss_curve_[0], rtol=1e-4)
    assert_allclose(model._units.scale, start._units.scale, rtol=1e-12)


@over_cases
def test_passes_make_it_better(name):
    model, data = make(name)
    for n_passes in range(1, 9):
        assert model.partial_fit(*data) is model
        assert model.n_iter_ == model.best_iter_ == n_passes
        assert len(model.loss_curve_) == n_passes + 1
        assert model.validation_curve_ is None
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@over_cases
def test_a_pass_over_blocks_is_a_pass(name):
    model, data = make(name)
    blocks = [part if part is None or part.ndim == 1 else Blocks(part) for part in data]
    one, _ = make(name)
    one.partial_fit(*data)
    model.partial_fit(*blocks).partial_fit(*blocks)
    assert model.n_iter_ == 2
    # in other batches
    assert_allclose(model.loss_curve_[:2], one.loss_curve_, rtol=0.05)


@over_cases
def test_units_are_those_of_the_first_call(name):
    model, data = make(name)
    model.partial_fit(*data)
    before = deepcopy(model._units)
    # a later call may have a single image
    model.partial_fit(*take(data, slice(20))).partial_fit(*take(data, slice(1)))
    assert model.n_iter_ == 3
    for value, wanted in zip(model._units, before, strict=True):
        assert_array_equal(value, wanted)


@over_cases
@pytest.mark.parametrize("copy", ["pickle", "file"])
def test_it_goes_on_after_a_fit_and_after_a_file(name, copy, tmp_path):
    model, data = make(name, max_iter=2)
    model.fit(*data)
    if copy == "file":
        save(model, tmp_path / "model.safetensors")
        model = load(tmp_path / "model.safetensors")
    else:
        model = pickle.loads(pickle.dumps(model))
    assert model.partial_fit(*data).n_iter_ == 3
    assert model.partial_fit(*data).n_iter_ == 4
    assert np.isfinite(apply(model)).all()


@over_cases
def test_the_optimiser_remembers(name):
    one, data = make(name)
    other, _ = make(name)
    for model in (one, other):
        model.partial_fit(*data).partial_fit(*data)
    assert_array_equal(apply(one), apply(other))
    del other._optimizer_state
    one.partial_fit(*data), other.partial_fit(*data)
    assert not np.array_equal(apply(one), apply(other))


@over_cases
def test_a_fit_forgets_the_passes(name):
    model, data = make(name, max_iter=1)
    expected = clone(model).fit(*data)
    model.partial_fit(*data).fit(*data)
    assert_array_equal(apply(model), apply(expected))
    assert not hasattr(model, "_optimizer_state")


def check_refused(model, message, *given):
    before = model.__dict__.copy()
    with pytest.raises(ValueError, match=message):
        model.partial_fit(*given)
    assert model.__dict__ == before


@over_cases
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images[..., :8], "^X has images of"),
        (lambda images: np.repeat(images[:, None], 2, axis=1), "^X has (images|2)"),
        (lambda images: images * np.nan, "^Input X contains NaN"),
        (lambda images: images[:0], "0 sample|no rows"),
        (lambda images: iter([images]), "only once"),
    ],
)
def test_a_pass_that_fails_changes_nothing(name, change, message):
    model, (images, y) = make(name)
    model.partial_fit(images, y)
    is_narrow = y is not None and y.ndim > 1 and message == "^X has images of"
    check_refused(model, message, change(images), change(y) if is_narrow else y)


@LABELLED
def test_all_labels_are_in_the_first_call(name):
    model, (images, y) = make(name)
    check_refused(model, "at least two", images, 0 * y)
    model.partial_fit(images, y).partial_fit(images, 0 * y)
    assert_array_equal(model.classes_, [0, 1])
    check_refused(model, "^y has classes that were not seen in fit: 2", images, y + 1)
    check_refused(model, f"{type(model).__name__} requires y", images, None)


@over_cases
def test_parameters_that_do_not_fit(name):
    model, data = make(name)
    model.partial_fit(*data)
    changed = {"hidden_channels": (5, 4)} if hasattr(model, "hidden_channels") else {"depth": 2}
    model.set_params(**changed)
    check_refused(model, "partial_fit needs a fitted network of the same shape", *data)
    # as scikit-learn has it, the ranges of parameters are checked by the first call
    fresh, _ = make(name, max_iter=-1)
    check_refused(fresh, "'max_iter' parameter of", *data)


@over_cases
def test_a_pass_that_diverges_changes_nothing(name):
    model, data = make(name)
    model.partial_fit(*data).set_params(learning_rate_init=1e30)
    check_refused(model, r"diverged.*Lower learning_rate_init", *data)
