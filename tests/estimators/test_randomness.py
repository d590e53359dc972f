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

from skae import AutoencoderTransformer

VARIANTS = [
    {},
    {"init": "random"},
    {"corruption": "gaussian"},
    {"corruption": "salt_and_pepper", "tied_weights": True},
    {"hidden_layer_sizes": (), "init": "random"},
]


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


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_same_seed_same_bits(iris, one_thread, parameters):
    first, second = (
        AutoencoderTransformer(2, max_iter=5, random_state=3, **parameters).fit(iris)
        for _ in range(2)
    )
    assert first.loss_curve_ == second.loss_curve_
    assert_array_equal(first.transform(iris), second.transform(iris))
    assert_array_equal(first.sample(5, random_state=0), second.sample(5, random_state=0))


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_another_seed_other_bits(iris, parameters):
    curves = [
        AutoencoderTransformer(2, max_iter=5, random_state=seed, **parameters).fit(iris).loss_curve_
        for seed in (0, 1)
    ]
    assert curves[0] != curves[1]


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_no_global_state_is_touched(iris, parameters):
    # autograd starts its thread pool, and scikit-learn its lazy imports, at the first use
    AutoencoderTransformer(2, max_iter=1).fit(iris).sample(1)
    before = _global_state()
    fitted = AutoencoderTransformer(2, max_iter=2, random_state=0, **parameters).fit(iris)
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


def test_two_threads_at_once(iris, one_thread):
    expected = AutoencoderTransformer(2, max_iter=3, random_state=0).fit(iris).transform(iris)
    results = []

    def fit():
        for _ in range(5):
            results.append(
                AutoencoderTransformer(2, max_iter=3, random_state=0).fit(iris).transform(iris)
            )

    threads = [threading.Thread(target=fit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 10
    for codes in results:
        np.testing.assert_allclose(codes, expected, rtol=1e-6)


@pytest.mark.parametrize("parameters", VARIANTS, ids=str)
def test_pickles_hold_no_tensor_and_give_the_same_bits(iris, parameters):
    fitted = AutoencoderTransformer(2, max_iter=2, random_state=0, **parameters).fit(iris)
    fitted.sample(1)
    data = pickle.dumps(fitted)
    assert b"torch" not in data
    copy = pickle.loads(data)
    assert_array_equal(copy.transform(iris), fitted.transform(iris))
    assert_array_equal(copy.transform(iris.astype("f4")), fitted.transform(iris.astype("f4")))
    assert_array_equal(copy.sample(5, random_state=0), fitted.sample(5, random_state=0))


def test_changed_parameters_do_not_reach_a_fitted_network(iris):
    fitted = AutoencoderTransformer(2, max_iter=2, random_state=0).fit(iris)
    codes = fitted.transform(iris)
    fitted.set_params(n_components=5, hidden_layer_sizes=(3,), activation="tanh", init="random")
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(iris), codes)
