"""Losses and penalties: values, gradients, one value per row."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from skae.networks import ACTIVATIONS, Dense
from skae.objectives import (
    LOSSES,
    ActivationDivergence,
    Contractive,
    ElasticNet,
    KullbackLeibler,
    Objective,
    Revival,
)


class Outputs(NamedTuple):
    x: Tensor
    raw: Tensor


def _random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=Generator().manual_seed(seed))


RAW = _random(6, 4)
TARGET = torch.sigmoid(_random(6, 4, seed=1))

EXPECTED = {
    "squared_error": lambda raw, x: (raw - x) ** 2,
    "absolute_error": lambda raw, x: np.abs(raw - x),
    "huber": lambda raw, x: np.where(
        np.abs(raw - x) < 1, (raw - x) ** 2 / 2, np.abs(raw - x) - 0.5
    ),
    "binary_crossentropy": lambda raw, x: (
        -x * np.log(1 / (1 + np.exp(-raw))) - (1 - x) * np.log(1 - 1 / (1 + np.exp(-raw)))
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_values_are_means_over_the_features(name):
    loss = LOSSES[name]()(Outputs(TARGET, RAW), TARGET)
    assert loss.shape == (6,)
    np.testing.assert_allclose(loss, EXPECTED[name](RAW.numpy(), TARGET.numpy()).mean(1))


@pytest.mark.parametrize("name", LOSSES)
def test_rows_do_not_meet(name):
    whole = LOSSES[name]()(Outputs(TARGET, RAW), TARGET)
    part = LOSSES[name]()(Outputs(TARGET[2:3], RAW[2:3]), TARGET[2:3])
    torch.testing.assert_close(whole[2:3], part)


@pytest.mark.parametrize("name", LOSSES)
def test_images_count_as_rows(name):
    images = LOSSES[name]()(Outputs(TARGET, RAW.reshape(6, 1, 2, 2)), TARGET.reshape(6, 1, 2, 2))
    torch.testing.assert_close(images, LOSSES[name]()(Outputs(TARGET, RAW), TARGET))


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name):
    raw = RAW.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda r: LOSSES[name]()(Outputs(TARGET, r), TARGET), raw)


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_has_the_least_loss(name):
    """The reconstruction a loss stands for is the value it cannot improve on."""
    loss = LOSSES[name]()
    raw = torch.logit(TARGET) if name == "binary_crossentropy" else TARGET
    torch.testing.assert_close(loss.mean(raw), TARGET)
    least = loss(Outputs(TARGET, raw), TARGET)
    for shift in (-0.1, 0.1):
        assert (loss(Outputs(TARGET, raw + shift), TARGET) > least).all()


@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("raw", [-1e4, 1e4])
def test_crossentropy_is_finite_at_the_edges(raw, target):
    raw = torch.full((1, 1), raw, requires_grad=True)
    loss = LOSSES["binary_crossentropy"]()(Outputs(raw, raw), torch.full((1, 1), target))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(raw.grad).all()


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_elastic_net(l1_ratio):
    weights = [_random(3, 4), _random(2, 3, seed=1)]
    penalty = ElasticNet(weights, 0.7, l1_ratio)(Outputs(TARGET, RAW), TARGET)
    flat = np.concatenate([w.numpy().ravel() for w in weights])
    expected = 0.7 * (l1_ratio * np.abs(flat).sum() + (1 - l1_ratio) / 2 * np.square(flat).sum())
    np.testing.assert_allclose(penalty, np.full(6, expected))


def test_contractive_is_the_norm_of_the_jacobian():
    encoder = Dense((4, 5, 2), ACTIVATIONS["tanh"], Generator().manual_seed(0))
    penalty = Contractive(encoder, 0.5)(Outputs(TARGET, RAW), TARGET)
    for row, value in zip(TARGET, penalty, strict=True):
        jacobian = torch.autograd.functional.jacobian(encoder, row)
        torch.testing.assert_close(value, 0.5 * jacobian.square().sum())
    penalty.sum().backward()
    assert all(layer.weight.grad.any() for layer in encoder.layers)


def test_an_objective_returns_every_term_by_name():
    objective = Objective({"loss": LOSSES["squared_error"](), "alpha": ElasticNet([RAW], 1.0, 0.0)})
    losses = objective(Outputs(TARGET, RAW), TARGET)
    assert {name: loss.shape for name, loss in losses.items()} == {"loss": (6,), "alpha": (6,)}


def test_a_term_without_its_field_is_named_before_the_first_batch():
    objective = Objective({"loss": LOSSES["huber"]()})
    objective.check_reads(Outputs._fields)
    with pytest.raises(TypeError, match=r"'loss' \(Huber\) reads raw, which the network does not"):
        objective.check_reads(("x", "code"))


class SparseOutputs(NamedTuple):
    code: Tensor
    drive: Tensor
    raw: Tensor
    atoms: Tensor
    mean: Tensor
    log_var: Tensor


def _sparse_outputs(n_rows):
    code = _random(n_rows, 3).requires_grad_()
    others = _random(n_rows, 4, seed=1), _random(3, 4, seed=2), _random(n_rows, 3, seed=3)
    return SparseOutputs(code, code, *others, _random(n_rows, 3, seed=4))


SEE_BATCHES = {
    "divergence": lambda: ActivationDivergence(1.0, 0.1),
    "revival": lambda: Revival(3, 0, 1),
    "free_bits": lambda: KullbackLeibler(free_bits=0.2),
}


@pytest.mark.parametrize("name", SEE_BATCHES)
def test_terms_that_see_more_than_a_row_see_it_by_the_average_they_are_given(name):
    term = SEE_BATCHES[name]()
    seen = []

    def average(values):
        seen.append(values.shape)
        return values.mean(0), len(values)

    Objective({"term": term}).average_by(average)
    outputs = _sparse_outputs(5)
    wanted = SEE_BATCHES[name]()(outputs, _random(5, 4))
    torch.testing.assert_close(term(outputs, _random(5, 4)), wanted)
    assert set(seen) == {(5, 3)}


def test_terms_that_see_one_row_at_a_time_are_left_alone():
    # which are parts of fitted estimators
    term = LOSSES["squared_error"]()
    Objective({"loss": term}).average_by(lambda values: None)
    Objective({"loss": term}).see_all_of_batch(lambda values: None, lambda values: None)
    assert not vars(term)


def test_terms_that_see_all_rows_see_them_by_what_they_are_given():
    term = ActivationDivergence(1.0, 0.1)
    rows = _random(3, 2)
    assert term.gather(rows) is rows
    Objective({"term": term}).see_all_of_batch(
        lambda values: (values.mean(0), 2 * len(values)), lambda values: values.repeat(2, 1)
    )
    assert term.gather(rows).shape == (6, 2)
    assert term.average(rows)[1] == 6
