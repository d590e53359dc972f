"""Same seed, same bits; and nothing global is touched."""

import os
import pickle
import random
import threading
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer

VARIANTS = [
    AutoencoderTransformer(2),
    AutoencoderTransformer(2, init="random"),
    AutoencoderTransformer(2, ordered=True),
    AutoencoderTransformer(2, corruption="gaussian"),
    AutoencoderTransformer(2, corruption="salt_and_pepper", tied_weights=True),
    AutoencoderTransformer(2, hidden_layer_sizes=(), init="random"),
    VAETransformer(2),
    VAETransformer(2, init="random", latent_density="gmm"),
    VAETransformer(2, n_importance_samples=4, likelihood="student_t"),
    VAETransformer(2, hidden_layer_sizes=(), init="random"),
    SparseAutoencoder(6, n_nonzero=2),
    SparseAutoencoder(6, sparsity="jumprelu", init="random"),
    ConvAutoencoder(2, augment=("shift", "flip"), corruption="gaussian"),
    ConvAutoencoder(2, init="random"),
]
# two epochs from random weights leave the codes unused
pytestmark = pytest.mark.filterwarnings("ignore:Only:sklearn.exceptions.ConvergenceWarning")
over_variants = pytest.mark.parametrize("estimator", VARIANTS, ids=repr)


def fitted_clone(estimator, X, max_iter=2, random_state=0):
    return clone(estimator).set_params(max_iter=max_iter, random_state=random_state).fit(X)


@pytest.fixture
def one_thread():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def _global_state():
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
        torch.random.get_rng_state().numpy().tobytes(),
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        list(warnings.filters),
        dict(os.environ),
        np.geterr(),
    )


@over_variants
def test_same_seed_same_bits(iris, one_thread, estimator):
    first, second = (fitted_clone(estimator, iris, 5, random_state=3) for _ in range(2))
    assert first.loss_curve_ == second.loss_curve_
    assert_array_equal(first.transform(iris), second.transform(iris))
    assert_array_equal(first.sample(5, random_state=0), second.sample(5, random_state=0))


@over_variants
def test_another_seed_other_bits(iris, estimator):
    curves = [fitted_clone(estimator, iris, 5, random_state=s).loss_curve_ for s in (0, 1)]
    assert curves[0] != curves[1]


@over_variants
def test_no_global_state_is_touched(iris, estimator):
    # autograd starts its thread pool, and scikit-learn its lazy imports, at the first use
    fitted_clone(estimator, iris).sample(1)
    before = _global_state()
    fitted = fitted_clone(estimator, iris)
    fitted.score(iris)
    fitted.inverse_transform(fitted.transform(iris))
    fitted.sample(2, random_state=0)
    pickle.loads(pickle.dumps(fitted))
    assert _global_state() == before


def test_the_callers_random_state_is_the_only_one_that_moves(iris):
    fits = [
        AutoencoderTransformer(2, max_iter=2, random_state=np.random.RandomState(0)).fit(iris)
        for _ in range(2)
    ]
    assert fits[0].loss_curve_ == fits[1].loss_curve_


CONCURRENT = [
    AutoencoderTransformer(2, corruption="gaussian"),
    AutoencoderTransformer(2, ordered=True),
    VAETransformer(2),
    SparseAutoencoder(6),
    ConvAutoencoder(2, hidden_channels=(4,)),
]


@pytest.mark.parametrize("estimator", CONCURRENT, ids=repr)
def test_two_threads_at_once(iris, one_thread, estimator, record_property):
    """Two hundred fits in all, each with the bits of one that runs alone."""
    record_property("tries", 40)
    expected = fitted_clone(estimator, iris, 2, random_state=0).transform(iris)
    results = []

    def fit():
        torch.set_num_threads(1)  # the caller's setting is not that of a new thread
        for _ in range(20):
            fitted = fitted_clone(estimator, iris, 2, random_state=0)
            results.append(fitted.transform(iris))

    threads = [threading.Thread(target=fit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 40
    for codes in results:
        assert_array_equal(codes, expected)


@over_variants
def test_pickles_hold_no_tensor_and_give_the_same_bits(iris, estimator):
    fitted = fitted_clone(estimator, iris)
    fitted.sample(1)
    data = pickle.dumps(fitted)
    assert b"torch" not in data
    copy = pickle.loads(data)
    assert_array_equal(copy.transform(iris), fitted.transform(iris))
    assert_array_equal(copy.transform(iris.astype("f4")), fitted.transform(iris.astype("f4")))
    assert_array_equal(copy.sample(5, random_state=0), fitted.sample(5, random_state=0))
    assert_array_equal(copy.score_samples(iris), fitted.score_samples(iris))


@pytest.mark.parametrize("Estimator", [AutoencoderTransformer, VAETransformer])
def test_changed_parameters_do_not_reach_a_fitted_network(iris, Estimator):
    fitted = Estimator(2, max_iter=2, random_state=0).fit(iris)
    codes = fitted.transform(iris)
    fitted.set_params(n_components=5, hidden_layer_sizes=(3,), activation="tanh", init="random")
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(iris), codes)
