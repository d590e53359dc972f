"""Fully connected networks, their mirror images, and networks around a linear map."""

import pytest
import torch
from torch import Generator

from skae.networks import (
    ACTIVATIONS,
    AroundLinear,
    Dense,
    DenseArchitecture,
    Mirrored,
    Reconstruction,
)


def _dense(sizes=(5, 7, 3), activation="silu", seed=0):
    return Dense(sizes, ACTIVATIONS[activation], Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_map_zero_to_zero(name):
    assert ACTIVATIONS[name]()(torch.zeros(1)).item() == 0


def test_weights_come_from_the_generator_alone():
    torch_state = torch.random.get_rng_state()
    first, second, other = _dense(seed=0), _dense(seed=0), _dense(seed=1)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert torch.equal(first.layers[0].weight, second.layers[0].weight)
    assert not torch.equal(first.layers[0].weight, other.layers[0].weight)


def test_weights_have_variance_one_over_fan_in():
    weight = _dense((400, 500)).layers[0].weight
    assert abs(weight.var().item() * 400 - 1) < 0.02


def test_a_linear_network_is_one_matrix():
    network = _dense((5, 3))
    x = torch.randn(4, 5, dtype=torch.float64, generator=Generator().manual_seed(0))
    torch.testing.assert_close(network(x), x @ network.layers[0].weight.T)


@pytest.mark.parametrize("sizes", [(5, 3), (5, 7, 3), (5, 8, 6, 3)])
def test_the_mirror_image_has_the_transposed_weights(sizes):
    network = _dense(sizes, "tanh")
    code = torch.randn(4, 3, dtype=torch.float64, generator=Generator().manual_seed(0))
    expected = code
    for i, layer in enumerate(reversed(network.layers)):
        expected = expected @ layer.weight
        if i < len(network.layers) - 1:
            expected = torch.tanh(expected)
    torch.testing.assert_close(Mirrored(network)(code), expected)


@pytest.mark.thinned(1)
@pytest.mark.parametrize("layer", [0, 1, -1])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_any_zero_layer_silences_the_network_and_its_mirror_image(layer, activation):
    network = _dense((5, 7, 6, 3), activation)
    network.zero_(layer)
    assert not network(torch.ones(2, 5, dtype=torch.float64)).any()
    assert not Mirrored(network)(torch.ones(2, 3, dtype=torch.float64)).any()


def test_around_linear():
    network = AroundLinear(5, 3, _dense())
    weight, bias, scale = (torch.rand(*size, dtype=torch.float64) for size in ((3, 5), (3,), (3,)))
    network.set_affine_(weight, bias, scale)
    x = torch.ones(2, 5, dtype=torch.float64)
    torch.testing.assert_close(network(x), x @ weight.T + bias + scale * network.network(x))
    assert not any(parameter is network.weight for parameter in network.parameters())


@pytest.mark.thinned(2)
@pytest.mark.parametrize("tied_weights", [False, True])
@pytest.mark.parametrize("linear_start", [False, True])
@pytest.mark.parametrize("hidden", [(), (7,), (7, 6)])
def test_architectures(hidden, linear_start, tied_weights):
    architecture = DenseArchitecture((5, *hidden, 3), "silu", tied_weights, linear_start)
    autoencoder = architecture.build(Generator().manual_seed(0))
    x = torch.ones(2, 5, dtype=torch.float64)
    outputs = autoencoder(x)
    assert isinstance(outputs, Reconstruction)
    assert outputs.code.shape == (2, 3)
    assert outputs.raw.shape == (2, 5)
    matrices = [p for p in autoencoder.parameters() if p.ndim > 1]
    assert len(matrices) == (len(hidden) + 1) * (1 if tied_weights else 2)
    # before an affine map is set, a network around it returns zero
    assert outputs.raw.any() != linear_start


@pytest.mark.parametrize("tied_weights", [False, True])
def test_the_start_is_no_saddle_point(tied_weights):
    """Where the linear part is PCA, some weight must still have a gradient."""
    architecture = DenseArchitecture((3, 8, 1), "silu", tied_weights, linear_start=True)
    network = architecture.build(Generator().manual_seed(0))
    t = torch.linspace(-2, 2, 41, dtype=torch.float64)
    x = torch.stack([3 * t, t**2 - (t**2).mean(), 0 * t], 1)
    axis = torch.tensor([[1.0, 0.0, 0.0]])
    network.encoder.set_affine_(axis, torch.zeros(1), torch.ones(1))
    network.decoder.set_affine_(axis.T, torch.zeros(3), torch.ones(3))
    (network(x).raw - x).square().mean().backward()
    assert max(p.grad.abs().max() for p in network.parameters()) > 1e-2
