"""Estimators learn the same, whichever way their gradients are had."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.engine import _gradient_step
from skae.engine._differentiation import Autograd, WrittenOut, find_differentiation

WRITTEN = [
    AutoencoderTransformer(3),
    AutoencoderTransformer(3, tied_weights=True, alpha=1e-3, l1_ratio=0.5),
    AutoencoderTransformer(3, init="random", activation="relu", loss="huber"),
    AutoencoderTransformer(3, corruption="gaussian", learning_rate="constant"),
    AutoencoderTransformer(3, ordered=True, loss="absolute_error", alpha=1e-3),
    VAETransformer(3),
    VAETransformer(3, init="random", likelihood="gaussian_diagonal", kl_warmup=0.5),
    VAETransformer(3, likelihood="student_t", free_bits=0.1),
    SparseAutoencoder(8, n_nonzero=2),
    SparseAutoencoder(8, sparsity="l1", n_steps=2),
]
FOLLOWED = [
    AutoencoderTransformer(3, contractive=0.1),
    VAETransformer(3, n_importance_samples=3),
    SparseAutoencoder(8, sparsity="jumprelu"),
    ConvAutoencoder(3),
    AutoencoderTransformer(3, ordered=True, contractive=0.1),
]
pytestmark = pytest.mark.filterwarnings("ignore:Only:sklearn.exceptions.ConvergenceWarning")


def _fit(monkeypatch, estimator, X, choose, precision="auto"):
    """Fit a clone; return it and the ways that were chosen."""
    chosen = []

    def choose_and_note(*arguments):
        chosen.append(choose(*arguments))
        return chosen[-1]

    monkeypatch.setattr(_gradient_step, "find_differentiation", choose_and_note)
    fitted = clone(estimator).set_params(max_iter=5, random_state=0, precision=precision).fit(X)
    return fitted, {type(way) for way in chosen}


@pytest.mark.parametrize("estimator", WRITTEN, ids=repr)
def test_written_gradients_are_autograds(monkeypatch, iris, estimator):
    X = np.hstack([iris, iris**2])
    written, ways = _fit(monkeypatch, estimator, X, find_differentiation)
    assert ways == {WrittenOut}
    followed, ways = _fit(monkeypatch, estimator, X, lambda n, o, p: Autograd(n, o))
    assert ways == {Autograd}
    assert_allclose(written.loss_curve_, followed.loss_curve_, rtol=1e-4)
    assert_allclose(written.validation_curve_, followed.validation_curve_, rtol=1e-4)
    assert_allclose(written.transform(X), followed.transform(X), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("estimator", FOLLOWED, ids=repr)
def test_what_only_autograd_can_follow(monkeypatch, iris, estimator):
    _, ways = _fit(monkeypatch, estimator, iris, find_differentiation)
    assert ways == {Autograd}


@pytest.mark.parametrize(
    "estimator", [WRITTEN[0], WRITTEN[4], WRITTEN[5], WRITTEN[8], *FOLLOWED], ids=repr
)
def test_half_precision_is_for_training_alone(monkeypatch, digits, estimator):
    X = digits[:600]
    half, ways = _fit(monkeypatch, estimator, X, find_differentiation, precision="bfloat16")
    assert ways == {Autograd}
    single, _ = _fit(monkeypatch, estimator, X, find_differentiation, precision="float32")
    # the start is evaluated in single precision, and bfloat16 has three digits
    assert half.loss_curve_[0] == single.loss_curve_[0]
    assert half.loss_curve_[1:] != single.loss_curve_[1:]
    assert_allclose(half.loss_curve_, single.loss_curve_, rtol=0.02)
    assert half.transform(X).dtype == X.dtype
