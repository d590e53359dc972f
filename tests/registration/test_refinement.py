"""Codes that are refined."""

from dataclasses import replace

import pytest
import torch
from numpy.testing import assert_allclose
from torch.autograd import gradcheck

from skae.networks import ImageLayout, UNetArchitecture
from skae.registration._atlas_network import MAX_POSE, AtlasArchitecture
from skae.registration._atlas_segmenter_network import AtlasSegmenterArchitecture
from skae.registration._refinement import find_misfit, refine

SIZES = [(12, 10), (6, 5, 7)]
over_sizes = pytest.mark.parametrize("sizes", SIZES)


def build(sizes, **changes):
    """Return a network with random weights, for images of one channel and three classes."""
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
    plan = AtlasSegmenterArchitecture(replace(atlas, **changes), pixelwise)
    generator = torch.Generator().manual_seed(0)
    network = plan.build(generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3, generator=generator)
    return network.requires_grad_(False)


def draw_rows(network, n=4):
    n_pixels = network.decoder.base.numel()
    return torch.randn(n, n_pixels, generator=torch.Generator().manual_seed(1)).double()


def find_losses(network, x, code):
    target = network.find_logits(x).softmax(1)
    return find_misfit(network, code, target, 0.01)


CHANGES = [{}, {"is_posed": False}, {"integrator": "epdiff"}]


@pytest.mark.thinned(2)
@over_sizes
@pytest.mark.parametrize("changes", CHANGES, ids=str)
@pytest.mark.parametrize("n_steps", [1, 8])
def test_refined_codes_fit_at_least_as_well(sizes, changes, n_steps):
    network = build(sizes, **changes)
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


def test_gradients():
    network = build(SIZES[0])
    x = draw_rows(network, 2)
    target = network.find_logits(x).softmax(1)
    code = (0.3 * network.encoder(x)).requires_grad_()
    assert gradcheck(lambda code: find_misfit(network, code, target, 0.1), (code,), fast_mode=True)


def test_poses_stay_where_those_of_the_encoder_are():
    network = build(SIZES[0])
    x = draw_rows(network)
    code = network.encoder(x)
    code[:, 3:] = 0.999 * MAX_POSE
    refined = refine(network, x, code, 0.0, 20)
    assert refined[:, 3:].abs().max() <= MAX_POSE


def test_no_steps():
    network = build(SIZES[0])
    x = draw_rows(network)
    code = network.encoder(x)
    assert refine(network, x, code, 0.1, 0) is code
