"""The network that deforms a labelled atlas, and labels pixels without it."""

import pytest
import torch
from numpy.testing import assert_allclose

from skae.networks import ImageLayout, UNetArchitecture
from skae.registration._network import AtlasArchitecture
from skae.registration._refinement import find_misfit, refine
from skae.registration._segmenter_network import AtlasSegmenterArchitecture

SIZES = [(12, 10), (6, 5, 7)]
over_sizes = pytest.mark.parametrize("sizes", SIZES)


def make_plan(sizes):
    """Return the plan of a network for images of one channel and three classes."""
    atlas = AtlasArchitecture(
        layout=ImageLayout((1, *sizes), False),
        hidden_channels=(4, 4),
        n_components=3,
        is_posed=True,
        integrator="svf",
        spacing=4,
        alpha=2.0,
        gamma=0.1,
        power=2.0,
    )
    pixelwise = UNetArchitecture(1, 3, 2, 1, False, True, 3, n_dims=len(sizes))
    return AtlasSegmenterArchitecture(atlas, pixelwise)


def build(sizes):
    """Return a network with random weights."""
    generator = torch.Generator().manual_seed(0)
    network = make_plan(sizes).build(generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3, generator=generator)
    return network.requires_grad_(False)


def draw_rows(network, n=4):
    n_pixels = network.decoder.base.numel()
    return torch.randn(n, n_pixels, generator=torch.Generator().manual_seed(1)).double()


@over_sizes
def test_outputs_are_those_of_its_parts(sizes):
    network = build(sizes)
    x = draw_rows(network)
    places = torch.arange(4 * x.shape[1]).view(4, -1) % 3
    outputs = network(x, places)
    alone = network.autoencoder(x)
    for name in alone._fields:
        assert_allclose(getattr(outputs, name), getattr(alone, name), atol=1e-12)
    assert outputs.logits.shape == outputs.atlas_logits.shape == (4, 3, *sizes)
    assert_allclose(outputs.logits, network.pixelwise(x.view(4, 1, *sizes)).raw, atol=1e-12)
    assert (outputs.places.flatten(1) == places).all()
    assert outputs.places.shape == (4, 1, *sizes)


@over_sizes
def test_labels_are_deformed_as_the_image_is(sizes):
    network = build(sizes)
    image = network.decoder.atlas
    network.set_base_(image.expand(1, 3, *sizes))
    network.change.zero_()
    x = draw_rows(network)
    outputs = network(x, x)
    for channel in outputs.atlas_logits.unbind(1):
        assert_allclose(channel.flatten(1), outputs.raw, atol=1e-12)


@over_sizes
def test_at_first_nothing_is_told(sizes):
    plan = make_plan(sizes)
    network = plan.build(torch.Generator().manual_seed(0))
    x = draw_rows(network)
    outputs = network(x, x)
    assert not outputs.logits.any()
    assert not outputs.atlas_logits.any()
    assert not outputs.displacement.any()
    n_values = sum(value.numel() for value in network.state_dict().values())
    assert n_values >= plan.n_weights
    assert plan.sizes[-1] == outputs.code.shape[1]


# Refinement.


def find_losses(network, x, code):
    target = network.find_logits(x).softmax(1)
    return find_misfit(network, code, target, 0.01)


@over_sizes
@pytest.mark.parametrize("n_steps", [1, 8])
def test_refined_codes_fit_at_least_as_well(sizes, n_steps):
    network = build(sizes)
    x = draw_rows(network)
    code = network.encoder(x)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    refined = refine(network, x, code, 0.01, n_steps)
    start, end = find_losses(network, x, code), find_losses(network, x, refined)
    assert (end <= start).all()
    assert (end < start).any()
    assert not refined.requires_grad
    assert all((value == before[name]).all() for name, value in network.state_dict().items())


def test_images_are_refined_by_themselves():
    network = build(SIZES[0])
    x = draw_rows(network)
    with torch.inference_mode():
        code = network.encoder(x)
        together = refine(network, x, code, 0.01, 5)
        apart = [refine(network, x[[i]], code[[i]], 0.01, 5) for i in range(4)]
    assert_allclose(together, torch.cat(apart), atol=1e-10)


def test_codes_that_fit_already_stay():
    network = build(SIZES[0])
    x = draw_rows(network)
    code = network.encoder(x)
    # all labels alike everywhere: there is nothing to fit, and energy only grows
    network.set_base_(torch.zeros_like(network.base))
    network.change.zero_()
    code[:, :3] = 0
    assert (refine(network, x, code, 1.0, 3) == code).all()


def test_the_misfit_is_squared_error_and_energy():
    network = build(SIZES[0])
    x = draw_rows(network)
    code = network.encoder(x)
    code[:] = 0
    target = network.find_logits(x).softmax(1)
    expected = (network.labels.softmax(1) - target).square().sum(1).flatten(1).mean(1)
    assert_allclose(find_misfit(network, code, target, 3.0), 5 * expected, atol=1e-12)
    code[:, 0] = 1
    energy = find_misfit(network, code, target, 3.0) - find_misfit(network, code, target, 0.0)
    step = network.decoder.plan.step
    velocity = network.decoder.find_velocity(code, step)
    assert_allclose(energy, 3 * network.decoder.find_energy(velocity, step), rtol=1e-6)
    assert (energy > 0).all()
