"""Perturbations that mislead classifiers."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler
from sklearn.svm import SVC
from torch import nn

from skae import AutoencoderTransformer, ConvAutoencoder, SparseAutoencoder, VAETransformer
from skae.datasets import make_deformed_shapes
from skae.metrics import adversarial_accuracy, adversarial_examples
from skae.metrics._differentiable import find_logits
from skae.registration import DiffeomorphicAutoencoder

ATTACKS = ["fgsm", "pgd", "universal"]
over_attacks = pytest.mark.parametrize("attack", ATTACKS)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


@pytest.fixture(scope="module")
def pair(digits):
    """A linear classifier of two digits, and its rows."""
    X, y = digits
    X, y = X[y < 2], y[y < 2]
    return LogisticRegression().fit(X, y), X, y


@pytest.fixture(scope="module")
def linear(digits):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*digits)


@pytest.fixture(scope="module")
def nonlinear(digits):
    features = AutoencoderTransformer(6, hidden_layer_sizes=[20], max_iter=30, random_state=0)
    return make_pipeline(features, StandardScaler(), LogisticRegression()).fit(*digits)


# Linear classifiers, for which the worst is known.


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_a_linear_margin_falls_by_epsilon_times_the_sum_of_weights(pair, attack):
    model, X, y = pair
    examples = adversarial_examples(model, X, y, attack=attack, epsilon=0.1, random_state=0)
    sign = 2 * y - 1
    fall = sign * (model.decision_function(X) - model.decision_function(examples))
    assert_allclose(fall, 0.1 * np.abs(model.coef_).sum(), rtol=1e-10)


def test_what_is_lost_is_known_before(pair):
    model, X, y = pair
    margins = (2 * y - 1) * model.decision_function(X)
    for epsilon in (0.05, 0.2, 0.4):
        expected = np.mean(margins > epsilon * np.abs(model.coef_).sum())
        assert adversarial_accuracy(model, X, y, epsilon=epsilon) == expected
        strong = adversarial_accuracy(model, X, y, attack="pgd", epsilon=epsilon, random_state=0)
        assert strong == expected


def test_the_universal_perturbation_of_one_class_is_the_worst(pair):
    model, X, y = pair
    X, y = X[y == 1], y[y == 1]
    epsilon = 1.1 * model.decision_function(X).max() / np.abs(model.coef_).sum()
    examples = adversarial_examples(model, X, y, attack="universal", epsilon=epsilon)
    assert_allclose(examples - X, np.broadcast_to(-epsilon * np.sign(model.coef_), X.shape))
    assert adversarial_accuracy(model, X, y, attack="universal", epsilon=epsilon) == 0


def test_fgsm_follows_the_gradient_of_the_cross_entropy(digits, linear):
    X, y = digits[0][:5], digits[1][:5]
    examples = adversarial_examples(linear, X, y, epsilon=0.1)

    def find_loss(rows):
        return -log_softmax(linear.decision_function(rows), axis=1)[np.arange(5), y]

    for feature in range(64):
        step = 1e-5 * np.eye(64)[feature]
        slope = find_loss(X + step) - find_loss(X - step)
        changes = (examples - X)[:, feature]
        is_steep = np.abs(slope) > 1e-12
        assert_allclose(changes[is_steep], 0.1 * np.sign(slope[is_steep]), atol=1e-12)


# What holds for all.


@over_attacks
@pytest.mark.parametrize("clip", [None, (0, 1)])
def test_changes_are_no_larger_than_epsilon(digits, nonlinear, attack, clip):
    X, y = digits
    examples = adversarial_examples(
        nonlinear, X, y, attack=attack, epsilon=0.07, clip=clip, random_state=0
    )
    assert np.abs(examples - X).max() == pytest.approx(0.07, abs=1e-12)
    if clip:
        assert examples.min() >= 0
        assert examples.max() <= 1
    if attack == "universal" and clip is None:
        assert_allclose(examples - X, np.broadcast_to((examples - X)[0], X.shape), atol=1e-12)


@over_attacks
def test_nothing_is_changed_by_nothing(digits, nonlinear, attack):
    X, y = digits
    assert_array_equal(adversarial_examples(nonlinear, X, y, attack=attack, epsilon=0), X)
    clean = nonlinear.score(X, y)
    assert adversarial_accuracy(nonlinear, X, y, attack=attack, epsilon=0) == clean


@pytest.mark.parametrize("epsilon", [0.04, 0.1])
def test_pgd_is_at_least_as_strong_as_fgsm(digits, linear, nonlinear, epsilon):
    X, y = digits
    for model in (linear, nonlinear):
        clean = model.score(X, y)
        weak = adversarial_accuracy(model, X, y, epsilon=epsilon)
        strong = adversarial_accuracy(model, X, y, attack="pgd", epsilon=epsilon, random_state=0)
        assert strong <= weak <= clean
    assert strong < weak < clean


def test_a_shared_perturbation_misleads_more_than_noise_and_less_than_others(digits, nonlinear):
    X, y = digits
    shared = adversarial_accuracy(nonlinear, X, y, attack="universal", epsilon=0.1)
    own = adversarial_accuracy(nonlinear, X, y, attack="pgd", epsilon=0.1, random_state=0)
    signs = np.random.default_rng(0).choice([-0.1, 0.1], 64)
    assert own < shared < nonlinear.score(X + signs, y)


@over_attacks
def test_a_seed_gives_the_same(digits, nonlinear, attack):
    X, y = digits
    once, again = (
        adversarial_examples(nonlinear, X, y, attack=attack, epsilon=0.1, random_state=3)
        for _ in range(2)
    )
    assert_array_equal(once, again)


def test_rows_do_not_depend_on_each_other(digits, nonlinear):
    X, y = digits
    examples = adversarial_examples(nonlinear, X, y, epsilon=0.1)
    assert_allclose(adversarial_examples(nonlinear, X[7:9], y[7:9], epsilon=0.1), examples[7:9])


# Estimators.


@pytest.mark.parametrize(
    "steps",
    [
        (MinMaxScaler(), PCA(5, whiten=True), RidgeClassifier()),
        ("passthrough", StandardScaler(with_mean=False), LogisticRegression()),
        (AutoencoderTransformer(4, max_iter=3, random_state=0), LogisticRegression()),
        (VAETransformer(4, max_iter=3, random_state=0), LogisticRegression()),
        (
            SparseAutoencoder(20, sparse_output=True, max_iter=3, random_state=0),
            LogisticRegression(),
        ),
        (
            StandardScaler(),
            ConvAutoencoder(4, image_shape=(1, 8, 8), max_iter=1, random_state=0),
            LogisticRegression(),
        ),
    ],
    ids=repr,
)
@pytest.mark.parametrize("n_classes", [2, 10])
def test_logits_are_those_of_the_decision(digits, steps, n_classes):
    X, y = digits
    X, y = X[y < n_classes], y[y < n_classes]
    model = make_pipeline(*steps).fit(X, y)
    found = find_logits(model, X)(torch.from_numpy(X)).numpy()
    if n_classes == 2:
        assert_array_equal(found[:, 0], 0)
        found = found[:, 1]
    expected = model.decision_function(X)
    assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("cls", [ConvAutoencoder, DiffeomorphicAutoencoder])
def test_images(cls):
    shapes = make_deformed_shapes(60, n_classes=2, size=12, random_state=0)
    encoder = cls(3, hidden_channels=(4, 4), max_iter=2, random_state=0)
    model = make_pipeline(encoder, StandardScaler(), LogisticRegression())
    model.fit(shapes.images, shapes.target)
    examples = adversarial_examples(model, shapes.images, shapes.target, epsilon=0.1)
    assert examples.shape == (60, 12, 12)
    assert adversarial_accuracy(model, shapes.images, shapes.target, epsilon=1) < 0.5


def test_searches_names_and_tensors(digits):
    X, y = digits
    names = np.array([f"digit {i}" for i in range(10)])[y]
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2).fit(X, names)
    expected = adversarial_accuracy(search.best_estimator_, X, names, epsilon=0.1)
    assert adversarial_accuracy(search, X, names, epsilon=0.1) == expected
    assert adversarial_accuracy(search, torch.tensor(X), names, epsilon=0.1) == expected


class _Scored(ClassifierMixin, BaseEstimator):
    """A classifier with a network of its own."""

    def fit(self, X, y):
        """Draw a network."""
        self.classes_ = np.unique(y)
        self.classifier_ = nn.Linear(2, 2)
        return self

    def predict(self, X):
        """Return the classes."""
        with torch.no_grad():
            return self.classifier_(torch.tensor(X, dtype=torch.float32)).argmax(1).numpy()


def test_the_network_of_a_classifier():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = _Scored().fit(X, [0, 1])
    y = model.predict(X)
    assert adversarial_accuracy(model, X, y, epsilon=0) == 1
    assert adversarial_accuracy(model, X, y, epsilon=100) == 0
    assert model.classifier_.weight.requires_grad


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attack": "cw"}, "attack must be"),
        ({"epsilon": -1}, "epsilon must be"),
        ({"epsilon": np.inf}, "epsilon must be"),
        ({"epsilon": np.nan}, "epsilon must be"),
        ({"n_steps": 0}, "n_steps must be"),
        ({"n_steps": 2.5}, "n_steps must be"),
        ({"clip": (1, 0)}, "clip must be"),
        ({"clip": 1}, "clip must be"),
        ({"clip": (0, 0.5)}, "outside clip"),
    ],
)
def test_arguments_are_checked(pair, arguments, message):
    with pytest.raises(ValueError, match=message):
        adversarial_accuracy(*pair, **{"epsilon": 0.1} | arguments)


def test_data_is_checked(pair):
    model, X, y = pair
    with pytest.raises(ValueError, match=r"not fitted to: \[7\]"):
        adversarial_accuracy(model, X, np.where(y == 1, 7, y), epsilon=0.1)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        adversarial_accuracy(model, X, y[:-1], epsilon=0.1)
    with pytest.raises(ValueError, match="NaN"):
        adversarial_accuracy(model, X + np.nan, y, epsilon=0.1)
    with pytest.raises(NotFittedError):
        adversarial_accuracy(LogisticRegression(), X, y, epsilon=0.1)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (SVC(), "SVC"),
        (DummyClassifier(), "DummyClassifier"),
        (make_pipeline(QuantileTransformer(n_quantiles=10), LogisticRegression()), "Quantile"),
        (
            make_pipeline(
                SparseAutoencoder(9, transform_algorithm="omp", max_iter=1), LogisticRegression()
            ),
            "SparseAutoencoder",
        ),
    ],
    ids=repr,
)
def test_what_has_no_gradients(pair, model, name):
    _, X, y = pair
    with pytest.raises(ValueError, match=f"{name}.* gives no gradients"):
        adversarial_accuracy(model.fit(X, y), X, y, epsilon=0.1)
