"""The registry of estimators: complete, and true of every entry."""

import pickle
from importlib import import_module
from inspect import isclass
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skae._registry import ESTIMATORS, EXPORTED, SAVED, find_class
from skae.datasets import make_deformed_shapes
from skae.persistence import load, save

ROOT = Path(__file__).parents[1]
MODULES = "skae", "skae.image", "skae.registration"
NAMES = [entry.name for entry in ESTIMATORS]
SHORT = {"max_iter": 2, "random_state": 0}
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(40, 5))
SHAPES = make_deformed_shapes(24, n_classes=2, size=16, random_state=0)
IMAGES, MASKS = SHAPES.images, SHAPES.masks.astype(int)
COLORS = RNG.random((20, 3, 8, 8))

CASES = {
    "AutoencoderCV": ({"n_components": (1, 2), "cv": 2}, (TABLE,)),
    "AutoencoderTransformer": (SHORT, (TABLE,)),
    "ConvAutoencoder": (SHORT | {"hidden_channels": (4,)}, (IMAGES,)),
    "SparseAutoencoder": (SHORT, (TABLE,)),
    "VAETransformer": (SHORT, (TABLE,)),
    "AtlasSegmenter": (SHORT | {"hidden_channels": (4,), "refine_steps": 1}, (IMAGES, MASKS)),
    "DiffeomorphicAutoencoder": (SHORT | {"hidden_channels": (4,)}, (IMAGES,)),
    "GeoSICClassifier": (SHORT | {"hidden_channels": (4,)}, (IMAGES, SHAPES.target)),
    "ImageColorizer": (SHORT | {"base_channels": 4}, (COLORS,)),
    "ImageSegmenter": (SHORT | {"base_channels": 4}, (IMAGES, MASKS)),
    "ImageToImageRegressor": (SHORT | {"base_channels": 4}, (IMAGES, IMAGES**2)),
}
"""Parameters and data of a short fit of every estimator."""


def _list_exported():
    for module in MODULES:
        for name in import_module(module).__all__:
            exported = getattr(import_module(module), name)
            if isclass(exported) and hasattr(exported, "fit"):
                yield name, module


def _make(name):
    parameters, data = CASES[name]
    return find_class(name)(**parameters), data


def test_every_estimator_that_is_exported_is_registered():
    registered = {entry.name: entry.module for entry in ESTIMATORS}
    for name, module in _list_exported():
        assert registered.get(name) == module, (
            f"{module}.{name} is exported but not registered. Give it an entry in "
            "skae/_registry.py and a short fit in CASES of tests/test_registry.py; "
            "docs/contributing/estimator.md has the other places."
        )
    assert set(registered) == {name for name, _ in _list_exported()}


def test_every_estimator_has_a_case():
    assert set(CASES) == set(NAMES), "Add a short fit to CASES for every entry of the registry."


@pytest.mark.parametrize("entry", ESTIMATORS, ids=NAMES)
def test_the_public_path_is_the_one_that_pickles_name(entry):
    cls = find_class(entry.name)
    assert cls.__module__ == entry.module
    assert cls.__qualname__ == entry.name


@pytest.mark.parametrize("entry", ESTIMATORS, ids=NAMES)
def test_the_pages_name_it(entry):
    name = entry.name
    assert entry.module in (ROOT / "docs/api.md").read_text()
    assert name in (ROOT / "CHANGELOG.md").read_text(), f"The changelog does not name {name}."
    guide = "".join(path.read_text() for path in (ROOT / "docs/user_guide").glob("*.md"))
    assert name in guide, f"No page of docs/user_guide names {name}."
    examples = "".join(path.read_text() for path in (ROOT / "examples").glob("*.py"))
    # searches are shown with the estimators that they search over
    assert name in examples or not entry.is_saved, f"No example uses {name}."


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_fit_that_is_pickled_gives_the_same(name):
    estimator, data = _make(name)
    fitted = clone(estimator).fit(*data)
    again = pickle.loads(pickle.dumps(fitted))
    method = "transform" if hasattr(fitted, "transform") else "predict"
    assert_array_equal(getattr(again, method)(data[0]), getattr(fitted, method)(data[0]))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", NAMES)
def test_files_are_written_of_those_that_are_saved(name, tmp_path):
    estimator, data = _make(name)
    fitted = clone(estimator).fit(*data)
    if name not in SAVED:
        with pytest.raises(TypeError, match="estimator must be one of"):
            save(fitted, tmp_path / "file")
        return
    save(fitted, tmp_path / "file")
    method = "transform" if hasattr(fitted, "transform") else "predict"
    loaded = load(tmp_path / "file")
    assert_array_equal(getattr(loaded, method)(data[0]), getattr(fitted, method)(data[0]))


def test_those_that_are_exported_have_modules():
    for name in EXPORTED:
        assert hasattr(find_class(name), "_transform_module")


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_a_constraint(name):
    cls = find_class(name)
    missing = set(cls._get_param_names()) - set(cls._parameter_constraints)
    assert not missing, (
        f"{name} has parameters without a constraint, which fit would take unchecked: "
        f"{sorted(missing)}. Add them to _parameter_constraints."
    )
