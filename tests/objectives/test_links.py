"""Losses and likelihoods, as estimators see both."""

import pytest
import torch

from skae.objectives import (
    LOSSES,
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    DynamicBernoulli,
    Gaussian,
    GaussianDiagonal,
    Likelihood,
    NegativeBinomial,
    Poisson,
    StudentT,
)

LINKS = {name: loss() for name, loss in LOSSES.items()} | {
    "gaussian": Gaussian(),
    "gaussian_diagonal": GaussianDiagonal(),
    "student_t": StudentT(),
    "bernoulli": Bernoulli(),
    "dynamic_bernoulli": DynamicBernoulli(),
    "continuous_bernoulli": ContinuousBernoulli(),
    "categorical": Categorical((2, 2, 2)),
    "poisson": Poisson(),
    "negative_binomial": NegativeBinomial(),
}
BITS = torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]], dtype=torch.float64)


@pytest.mark.parametrize("name", LINKS)
def test_rows_of_zeros_and_ones_suit_every_link(name):
    link = LINKS[name]
    assert link.input_refusal(BITS) is None
    assert link.inputs(BITS).shape[0] == 2
    assert isinstance(link.equivariant, bool)


@pytest.mark.parametrize("name", LINKS)
def test_means_have_the_shape_of_rows(name):
    link = LINKS[name]
    is_likelihood = isinstance(link, Likelihood)
    raw = torch.zeros((2, 3, 2) if name == "categorical" else (2, 3), dtype=torch.float64)
    shared = (link.shared_at(1.0, 3),) if is_likelihood else ()
    assert link.mean(raw, *shared).shape == (2, 3)


@pytest.mark.parametrize("name", LINKS)
def test_what_may_be_shifted_has_no_bounds(name):
    link = LINKS[name]
    refusal = link.input_refusal(BITS - 7)
    assert (refusal is None) == link.equivariant
    if refusal is not None:
        assert refusal[0].islower()
        assert refusal[-1] != "."


@pytest.mark.parametrize("name", LOSSES)
def test_losses_see_rows_as_they_are(name):
    assert LINKS[name].inputs(BITS) is BITS


def test_a_loss_of_probabilities_says_what_is_wrong_with_others():
    rows = torch.tensor([[0.25, -2.0], [3.5, 1.0]])
    assert LINKS["binary_crossentropy"].input_refusal(rows) == (
        "needs values in [0, 1], but X has values in [-2, 3.5]. Rescale X, for example with "
        "MinMaxScaler, or use loss='squared_error'"
    )
