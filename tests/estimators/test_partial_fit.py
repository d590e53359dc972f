"""One pass at a time."""

import pickle
from copy import deepcopy

import dask.array
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.persistence import load, save

rng = np.random.default_rng(0)
FACTORS = rng.normal(size=(200, 2))
X = np.hstack([FACTORS, np.tanh(2 * FACTORS), FACTORS**2]) @ rng.normal(size=(6, 9)) + 3.0
ESTIMATORS = [
    AutoencoderTransformer(2),
    AutoencoderTransformer(2, ordered=True),
    AutoencoderTransformer(2, hidden_layer_sizes=(), init="random", solver="lbfgs"),
    VAETransformer(2),
    VAETransformer(2, hidden_layer_sizes=(), init="random", solver="lbfgs"),
    SparseAutoencoder(15),
    ConvAutoencoder(2, image_shape=(1, 3, 3), hidden_channels=(4, 4)),
]
over_estimators = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _new(estimator, **parameters):
    return clone(estimator).set_params(random_state=0, batch_size=50, **parameters)


@over_estimators
def test_passes_make_it_better(estimator):
    model = _new(estimator, max_iter=10)
    for n_passes in range(1, 10):
        assert model.partial_fit(X) is model
        assert model.n_iter_ == model.best_iter_ == n_passes
        assert len(model.loss_curve_) == n_passes + 1
        assert model.validation_curve_ is None
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.reconstruct(X).shape == X.shape


def test_the_first_pass_starts_at_pca():
    model = _new(AutoencoderTransformer(2), learning_rate_init=1e-12).partial_fit(X)
    pca = PCA(2).fit(X)
    assert_allclose(model.reconstruct(X), pca.inverse_transform(pca.transform(X)), atol=1e-6)
    share = 1 - pca.explained_variance_ratio_.sum()
    assert_allclose(model.loss_curve_, share, rtol=1e-3)


@over_estimators
def test_arrays_frames_and_blocks_are_the_same(estimator):
    first = _new(estimator).partial_fit(X)
    blocks = dask.array.from_array(X, chunks=(200, 9))
    for given in (pd.DataFrame(X), blocks):
        other = _new(estimator).partial_fit(given)
        # sums over columns in another order round otherwise
        assert_allclose(other._encode_all(X), first.transform(X), rtol=1e-6, atol=1e-8)


def test_blocks_of_a_dask_array_are_gone_through_once():
    model = _new(ESTIMATORS[0])
    for _ in range(3):
        model.partial_fit(dask.array.from_array(X, chunks=(45, 4)))
    assert model.n_iter_ == 3


@over_estimators
def test_a_seed_gives_the_same_bits(estimator):
    models = [_new(estimator), _new(estimator)]
    for model in models:
        model.partial_fit(X).partial_fit(X[:100])
    assert_array_equal(models[0].transform(X), models[1].transform(X))


@over_estimators
def test_units_are_those_of_the_first_call(estimator):
    model = _new(estimator).partial_fit(X)
    mean = model.mean_.copy()
    model.partial_fit(X[:7] + 1).partial_fit(X[:1])
    assert_array_equal(model.mean_, mean)
    assert model.n_iter_ == 3


@over_estimators
def test_it_goes_on_from_a_fit(estimator):
    model = _new(estimator, max_iter=3).fit(X)
    before = model.score(X)
    model.partial_fit(X)
    assert model.n_iter_ == 4
    assert model.score(X) > before - 0.1 * abs(before)


def test_a_fit_forgets_the_passes():
    model = _new(ESTIMATORS[0], max_iter=3)
    expected = clone(model).fit(X)
    model.partial_fit(X).fit(X)
    assert_array_equal(model.transform(X), expected.transform(X))
    assert not hasattr(model, "_optimizer_state")


def test_the_optimiser_remembers():
    one, other = (_new(ESTIMATORS[0]).partial_fit(X).partial_fit(X) for _ in range(2))
    del other._optimizer_state
    one.partial_fit(X), other.partial_fit(X)
    assert not np.array_equal(one.transform(X), other.transform(X))


@pytest.mark.thinned(1)
@over_estimators
@pytest.mark.parametrize("copy", ["pickle", "deepcopy", "file"])
def test_copies_go_on(estimator, copy, tmp_path):
    model = _new(estimator).partial_fit(X).partial_fit(X)
    if copy == "file":
        save(model, tmp_path / "model.safetensors")
        again = load(tmp_path / "model.safetensors")
    else:
        again = pickle.loads(pickle.dumps(model)) if copy == "pickle" else deepcopy(model)
    assert_array_equal(again.transform(X), model.transform(X))
    again.partial_fit(X)
    assert again.n_iter_ == 3
    assert np.isfinite(again.loss_curve_[-1])


@pytest.mark.parametrize("changed", [{"alpha": 1e-3}, {"weight_decay": 0.0}], ids=str)
def test_another_objective_begins_with_fresh_moments(changed):
    model = _new(ESTIMATORS[0]).partial_fit(X).set_params(**changed)
    other = deepcopy(model)
    assert not hasattr(other, "_optimizer_state")
    assert_array_equal(model.partial_fit(X).transform(X), other.partial_fit(X).transform(X))


def test_a_truncated_estimator_goes_on():
    model = _new(ESTIMATORS[1]).partial_fit(X).truncate(1)
    assert model.partial_fit(X).transform(X).shape == (len(X), 1)


def test_images():
    images = X.reshape(-1, 3, 3)
    model = _new(ConvAutoencoder(2, hidden_channels=(4, 4))).partial_fit(images)
    assert model.partial_fit(list(images)).reconstruct(images).shape == images.shape


def test_classes():
    y = np.arange(200) % 3
    model = _new(VAETransformer(2, conditional=True)).partial_fit(X, y)
    model.partial_fit(X[:10], y[:10])
    assert_array_equal(model.classes_, [0, 1, 2])
    with pytest.raises(ValueError, match="classes that were not seen"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="requires y"):
        model.partial_fit(X)


@pytest.mark.thinned(1)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (X[:, :4], "X has 4 features, but .* is expecting 9"),
        (X * np.nan, "^Input X contains NaN"),
        (X[:0], "0 sample|no rows"),
        ([X, X * np.nan], "Block 1 of X cannot be used: Input X contains NaN"),
        ((row for row in X), "only once"),
        ("text", "Expected 2D array|could not convert"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_pass_that_fails_changes_nothing(given, message, is_first):
    model = _new(ESTIMATORS[0])
    if not is_first or "features" in message:
        model.partial_fit(X)
    before = model.__dict__.copy()
    with pytest.raises(ValueError, match=message):
        model.partial_fit(given)
    assert model.__dict__ == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_components": 3}, "partial_fit needs a fitted network of the same shape"),
        ({"n_components": 0.5, "ordered": True}, "partial_fit needs a number of components"),
    ],
)
def test_parameters_that_do_not_fit(changed, message):
    model = _new(ESTIMATORS[0]).partial_fit(X).set_params(**changed)
    before = model.__dict__.copy()
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X)
    assert model.__dict__ == before


def test_a_pass_that_diverges_changes_nothing():
    model = _new(ESTIMATORS[0]).partial_fit(X).set_params(learning_rate_init=1e30)
    codes = model.transform(X)
    with pytest.raises(ValueError, match=r"diverged.*Lower learning_rate_init"):
        model.partial_fit(X)
    assert_array_equal(model.transform(X), codes)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="'max_iter' parameter of AutoencoderTransformer must be"):
        _new(ESTIMATORS[0], max_iter=-1).partial_fit(X)


def test_one_row_is_too_few_to_begin_with():
    with pytest.raises(ValueError, match="minimum of 2"):
        _new(ESTIMATORS[0]).partial_fit(X[:1])
