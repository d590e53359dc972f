"""What is saved comes back as it was."""

import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderCV,
    AutoencoderTransformer,
    ConvAutoencoder,
    SparseAutoencoder,
    VAETransformer,
)
from skae.fitting._state import CLASSES, restored, simplified
from skae.objectives import SquaredError
from skae.persistence import load, save
from skae.registration import DiffeomorphicAutoencoder, GeoSICClassifier

GOLDEN = Path(__file__).with_name("format_1.safetensors")
LIKELIHOODS = (
    "gaussian",
    "gaussian_diagonal",
    "student_t",
    "bernoulli",
    "continuous_bernoulli",
    "poisson",
    "negative_binomial",
    "categorical",
)
VARIANTS = [
    AutoencoderTransformer(3),
    AutoencoderTransformer(3, tied_weights=True, hidden_layer_sizes=[7], activation="tanh"),
    AutoencoderTransformer(3, init="random", loss="huber", latent_density="kde"),
    AutoencoderTransformer(3, ordered=True),
    *(AutoencoderTransformer(2, loss=loss) for loss in ("absolute_error", "binary_crossentropy")),
    *(VAETransformer(2, likelihood=likelihood) for likelihood in LIKELIHOODS),
    VAETransformer(2, conditional=True),
    VAETransformer(2, hidden_layer_sizes=(), init="random"),
    VAETransformer(2, hidden_layer_sizes=(3, 50)),
    VAETransformer(2, likelihood="bernoulli", dynamic_binarization=True),
    SparseAutoencoder(9),
    SparseAutoencoder(9, sparsity="jumprelu"),
    SparseAutoencoder(9, sparsity="l1", sparse_output=True),
    ConvAutoencoder(3, image_shape=(1, 2, 4)),
    ConvAutoencoder(3, image_shape=(2, 4, 1), channels="last", ordered=True),
    DiffeomorphicAutoencoder(3, image_shape=(1, 2, 4), hidden_channels=(2,)),
    GeoSICClassifier(3, image_shape=(1, 2, 4), hidden_channels=(2,)),
    GeoSICClassifier(3, image_shape=(1, 2, 4), hidden_channels=(2,), per_class_atlas=True),
]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def rows():
    """Eight features that are 0 or 1, so that every likelihood can be fitted."""
    return (np.random.default_rng(0).normal(size=(60, 8)).cumsum(axis=1) > 0).astype(float)


def _fit(estimator, X):
    estimator = clone(estimator).set_params(max_iter=2, random_state=0)
    return estimator.fit(X, np.repeat(["a", "b"], 30))


def _results(estimator, X):
    """Return what an estimator gives, method by method."""
    codes = estimator.transform(X)
    is_conditional = estimator.get_params().get("conditional", False)
    conditions = (np.repeat(["a", "b"], 30),) if is_conditional else ()
    dense = codes.toarray() if hasattr(codes, "toarray") else codes
    decode = estimator.inverse_transform
    return {
        "codes": dense,
        "single": np.asarray(
            estimator.reconstruct(X.astype(np.float32), *conditions), dtype=np.float64
        ),
        "rows": decode(codes, *conditions),
        "scores": estimator.score_samples(X, *conditions),
        "drawn": estimator.sample(5, random_state=0),
        "curve": np.array(estimator.loss_curve_),
    }


@pytest.mark.parametrize("estimator", VARIANTS, ids=repr)
def test_round_trip(tmp_path, rows, estimator):
    fitted = _fit(estimator, rows)
    save(fitted, tmp_path / "file")
    again = load(tmp_path / "file")
    assert type(again) is type(fitted)
    assert repr(again.get_params()) == repr(fitted.get_params())
    assert again.__dict__.keys() == fitted.__dict__.keys()
    for name, result in _results(fitted, rows).items():
        assert_array_equal(_results(again, rows)[name], result, err_msg=name)
    # and once more, as it is in every way what was saved
    save(again, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "file").read_bytes()
    clone(again).fit(rows, np.repeat(["a", "b"], 30))


def test_saving_says_nothing_of_the_past(tmp_path, rows):
    """An estimator that was used is saved as one that was not."""
    fitted = _fit(VARIANTS[0], rows)
    save(fitted, tmp_path / "before")
    fitted.sample(3)
    fitted.transform(rows.astype(np.float32))
    save(fitted, tmp_path / "after")
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()


def test_names_and_parameters_that_are_estimators(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=list("abcdefgh"))
    first = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(frame)
    second = AutoencoderTransformer(2, max_iter=1, warm_start=first).fit(frame)
    save(second, tmp_path / "file")
    again = load(tmp_path / "file")
    assert list(again.feature_names_in_) == list("abcdefgh")
    assert again.feature_names_in_.dtype == object
    assert_array_equal(again.warm_start.transform(frame), first.transform(frame))


def test_a_random_state_goes_on_where_it_was(tmp_path, rows):
    state = np.random.RandomState(0)
    fitted = AutoencoderTransformer(2, max_iter=1, random_state=state).fit(rows)
    save(fitted, tmp_path / "file")
    assert load(tmp_path / "file").random_state.randint(10**9) == state.randint(10**9)


def test_truncated(tmp_path, rows):
    small = AutoencoderTransformer(3, ordered=True, max_iter=1).fit(rows).truncate(2)
    save(small, tmp_path / "file")
    assert_array_equal(load(tmp_path / "file").transform(rows), small.transform(rows))


def test_golden_file(iris):
    """A file of the first format stays loadable: it was written when that was new."""
    loaded = load(GOLDEN)
    assert loaded.get_params()["hidden_layer_sizes"] == (4,)
    expected = np.array([[-1.30945318, 0.64941844], [1.2352904, -0.02138191]])
    np.testing.assert_allclose(loaded.transform(iris[[0, 100]]), expected, rtol=1e-6)
    # it is older than the parameter
    assert loaded.checkpoint is None
    clone(loaded).set_params(max_iter=1).fit(iris)


class ScaledError(SquaredError):
    """A loss whose attribute is not called as the parameter of its constructor."""

    def __init__(self, strength):
        self.factor = strength


def test_attributes_beside_the_constructor_s_parameters():
    classes = CLASSES | {"ScaledError": ScaledError}
    made = restored(simplified((ScaledError(2.0),), classes), classes)
    assert made[0].factor == 2.0


@pytest.mark.parametrize(
    "value", [{"class": 1.0, "state": 2.0}, {"class": {"class": "Units", "state": ()}, "state": 1}]
)
def test_a_dict_with_the_keys_of_an_object(value):
    assert restored(simplified({"given": value})) == {"given": value}


def test_a_path_is_saved_as_text(tmp_path, rows):
    estimator = AutoencoderTransformer(max_iter=1, random_state=0, checkpoint=tmp_path / "folder")
    save(estimator.fit(rows), tmp_path / "file")
    assert load(tmp_path / "file").checkpoint == str(tmp_path / "folder")


def _pickled(fitted, path):
    return pickle.loads(pickle.dumps(fitted))


def _dumped(fitted, path):
    joblib.dump(fitted, path)
    return joblib.load(path)


def _saved(fitted, path):
    save(fitted, path)
    return load(path)


@pytest.mark.thinned(1)
@pytest.mark.parametrize("round_trip", [_pickled, _dumped, _saved])
@pytest.mark.parametrize("estimator", VARIANTS, ids=repr)
def test_fitted_under_another_device(tmp_path, rows, estimator, round_trip):
    """A file from a machine with a GPU is of use on one without, once it is told so."""
    fitted = _fit(estimator, rows)
    expected = _results(fitted, rows)["codes"]
    there = round_trip(fitted.set_params(device="cuda:7"), tmp_path / "file")
    with pytest.raises(ValueError, match=r"device='cuda:7' is not available here\. Available: "):
        there.transform(rows)
    assert_array_equal(_results(there.set_params(device="cpu"), rows)["codes"], expected)


class Density:
    """A density of the user's own."""

    def fit(self, codes):
        self.codes = codes
        return self

    def sample(self, n_samples):
        return self.codes[:n_samples]


def test_what_cannot_be_saved(tmp_path, iris):
    path = tmp_path / "file"
    with pytest.raises(NotFittedError):
        save(AutoencoderTransformer(), path)
    fitted = AutoencoderTransformer(max_iter=1).fit(iris)
    for other in (PCA(2).fit(iris), make_pipeline(StandardScaler(), fitted), AutoencoderCV(), 3):
        with pytest.raises(TypeError, match=r"estimator must be one of .* Use skops\.io or joblib"):
            save(other, path)
    with pytest.raises(TypeError, match="cannot be saved: it is an object of the class Density"):
        save(AutoencoderTransformer(max_iter=1, latent_density=Density()).fit(iris), path)
    assert not path.exists()


def test_without_safetensors(tmp_path, iris, monkeypatch):
    fitted = AutoencoderTransformer(max_iter=1).fit(iris)
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"pip install 'skae\[persistence\]'"):
        save(fitted, tmp_path / "file")


@pytest.mark.parametrize("estimator", VARIANTS, ids=repr)
def test_pickle(rows, estimator):
    fitted = _fit(estimator, rows)
    raw = pickle.dumps(fitted)
    assert b"_rebuild_tensor" not in raw
    again = pickle.loads(raw)
    for name, result in _results(fitted, rows).items():
        assert_array_equal(_results(again, rows)[name], result, err_msg=name)


@pytest.mark.parametrize("estimator", VARIANTS, ids=repr)
def test_skops_has_one_class_to_trust(rows, estimator):
    fitted = _fit(estimator, rows)
    raw = skops.io.dumps(make_pipeline(fitted))
    untrusted = skops.io.get_untrusted_types(data=raw)
    assert untrusted == [f"{type(fitted).__module__}.{type(fitted).__name__}"]
    again = skops.io.loads(raw, trusted=untrusted)[0]
    for name, result in _results(fitted, rows).items():
        assert_array_equal(_results(again, rows)[name], result, err_msg=name)
