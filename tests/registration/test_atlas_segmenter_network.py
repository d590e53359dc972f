"""The network that deforms a labelled atlas, and labels pixels without it."""

import pytest
import torch
from numpy.testing import assert_allclose

from skae.networks import ImageLayout, UNetArchitecture
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._atlas_segmenter_network import AtlasSegmenterArchitecture

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
