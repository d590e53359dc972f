"""Bounds against closed forms, and gradients against each other."""

from math import log

import pytest
import torch
from torch import Generator
from torch.distributions import Normal, kl_divergence

from skae.networks import VariationalArchitecture
from skae.objectives import (
    Gaussian,
    ImportanceWeightedBound,
    KullbackLeibler,
    Objective,
    ReconstructionLogLikelihood,
)


def _network(n_features=3, n_components=2):
    plan = VariationalArchitecture(
        (n_features, 8, n_components), "tanh", False, n_features, 1, 1, 0
    )
    return plan.build(Generator().manual_seed(0))


def _noise(*shape, seed=0):
    return torch.randn(shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


def test_the_divergence_is_torchs():
    outputs = _network()(_noise(5, 3), _noise(5, 1, 2))
    posterior = Normal(outputs.mean, (outputs.log_var / 2).exp())
    expected = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(KullbackLeibler()(outputs, None), expected)
    torch.testing.assert_close(KullbackLeibler(beta=3.0)(outputs, None), 3 * expected)


def test_free_bits_cost_nothing():
    outputs = _network()(_noise(50, 3), _noise(50, 1, 2))
    free = KullbackLeibler(free_bits=100.0)(outputs, None)
    assert free.tolist() == [200.0] * 50
    (gradient,) = torch.autograd.grad(free.sum(), outputs.log_var)
    assert not gradient.any()
    torch.testing.assert_close(
        KullbackLeibler(free_bits=1e-9)(outputs, None), KullbackLeibler()(outputs, None)
    )


def test_the_weight_of_the_divergence_rises():
    objective = Objective(
        {
            "reconstruction": ReconstructionLogLikelihood(Gaussian()),
            "kl": KullbackLeibler(warm_up=0.5),
        }
    )
    assert objective.weights(0.0) == {"reconstruction": 1.0, "kl": 0.0}
    assert objective.weights(0.25)["kl"] == 0.5
    assert objective.weights(0.75)["kl"] == 1.0
    assert KullbackLeibler().weight(0.0) == 1.0


def test_with_one_code_both_bounds_are_equal_in_the_mean():
    network, x = _network(), _noise(1, 3)
    outputs = network(x, _noise(1, 200_000, 2))
    draws = network(x.expand(200_000, 3), outputs.code.new_zeros(1) + _noise(200_000, 1, 2))
    one_each = ImportanceWeightedBound(Gaussian())(draws, x.expand(200_000, 3)).mean()
    elbo = ReconstructionLogLikelihood(Gaussian())(outputs, x) + KullbackLeibler()(outputs, x)
    assert float(one_each.detach()) == pytest.approx(float(elbo.detach()), abs=0.02)


def test_the_bound_is_tight_with_many_codes():
    """Against integration over a grid of codes."""
    network, x = _network(), _noise(4, 3)
    with torch.no_grad():
        axis = torch.linspace(-8, 8, 801, dtype=torch.float64)
        grid = torch.cartesian_prod(axis, axis)
        raw = network.decoder(grid)
        log_joint = Gaussian().log_prob(raw, network.shared, x[:, None]).sum(2)
        log_joint = log_joint + Normal(0.0, 1.0).log_prob(grid).sum(1)
        exact = log_joint.logsumexp(1) + 2 * log(16 / 800)
        bounds = [
            -ImportanceWeightedBound(Gaussian())(network(x, _noise(4, n, 2)), x)
            for n in (1, 10, 100, 400_000)
        ]
    torch.testing.assert_close(bounds[-1], exact, atol=0.02, rtol=0)
    means = [float(bound.mean()) for bound in bounds]
    assert means == sorted(means)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_the_doubly_reparameterised_gradient_is_the_plain_one_in_the_mean(beta):
    """Summed over many draws of four codes; the encoder's has a smaller variance."""
    network, n = _network(), 100_000
    x = _noise(1, 3).expand(n, 3)
    noise = _noise(n, 4, 2)
    names, parameters = zip(*network.named_parameters(), strict=True)

    def plain(outputs):
        q = Normal(outputs.mean[:, None], (outputs.log_var / 2).exp()[:, None])
        log_weights = Gaussian().log_prob(outputs.raw, outputs.shared, x[:, None]).sum(2)
        divergence = q.log_prob(outputs.code) - Normal(0.0, 1.0).log_prob(outputs.code)
        return log(4) - (log_weights - beta * divergence.sum(2)).logsumexp(1)

    value = ImportanceWeightedBound(Gaussian(), beta)(network(x, noise), x)
    expected = plain(network(x, noise))
    torch.testing.assert_close(value, expected)
    mine = torch.autograd.grad(value.mean(), parameters)
    other = torch.autograd.grad(expected.mean(), parameters)
    for part in ("encoder", "decoder", "shared"):
        of_part = [i for i, name in enumerate(names) if name.startswith(part)]
        scale = max(float(other[i].abs().max()) for i in of_part)
        for i in of_part:
            assert float((mine[i] - other[i]).abs().max()) < 0.03 * scale
