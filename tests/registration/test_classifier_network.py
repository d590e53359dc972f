"""The network that deforms an atlas and tells classes."""

from dataclasses import replace

import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import one_hot, silu

from skae.networks import ImageLayout
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._classifier_network import (
    FUSIONS,
    AtlasClassifierArchitecture,
    LogitsOnly,
)
from skae.registration._fields import sample_at

ATLAS = AtlasArchitecture(
    layout=ImageLayout((1, 12, 10), False),
    hidden_channels=(4, 4),
    n_components=3,
    is_posed=True,
    integrator="svf",
    spacing=4,
    alpha=2.0,
    gamma=0.1,
    power=2.0,
)


def build(fusion, n_atlases=1):
    """Return a network with random weights."""
    atlas = replace(ATLAS, n_atlases=n_atlases)
    plan = AtlasClassifierArchitecture(atlas, fusion, n_features=5, n_classes=4)
    generator = torch.Generator().manual_seed(0)
    network = plan.build(generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3, generator=generator)
    return network


@pytest.fixture
def x():
    return torch.randn(6, 120, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_deformations_are_those_without_a_classifier(x, fusion):
    network = build(fusion)
    places = torch.tensor([0, 1, 2, 3, 1, 0])
    outputs = network(x, one_hot(places, 4).double())
    alone = network.autoencoder(x)
    for name in alone._fields:
        assert_allclose(getattr(outputs, name).detach(), getattr(alone, name).detach(), atol=1e-12)
    assert (outputs.places == places).all()
    assert outputs.logits.shape == (6, 4)
    assert_allclose(outputs.logits.detach(), LogitsOnly(network)(x).detach(), atol=1e-12)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_atlas_of_the_true_class_is_deformed(x, fusion):
    network = build(fusion, n_atlases=4)
    places = torch.tensor([0, 1, 2, 3, 1, 0])
    outputs = network(x, one_hot(places, 4).double())
    decoder = network.decoder
    points = decoder.find_points(outputs.code, step=ATLAS.step)
    of_every = [sample_at(atlas.expand(6, 1, 12, 10), points) for atlas in decoder.atlas]
    for row, place in enumerate(places):
        expected = of_every[place][row].flatten()
        assert_allclose(outputs.raw[row].detach(), expected.detach(), atol=1e-12)
    assert (outputs.code[:, 9:] == one_hot(places, 4)).all()
    # neither shape nor logits know the class
    other = network(x, one_hot((places + 1) % 4, 4).double())
    assert (other.logits == outputs.logits).all()
    assert (other.displacement == outputs.displacement).all()
    assert_allclose(other.energy.detach(), outputs.energy.detach())


def test_codes_tell_the_class_that_is_found(x):
    network = build("add", n_atlases=4)
    with torch.no_grad():  # no class is ahead for all
        network.classifier.output.bias -= network.find_logits(x).mean(0)
    code = network.encoder(x)
    assert code.shape == (6, 3 + 6 + 4)
    places = network.find_logits(x).argmax(1)
    assert len(places.unique()) > 1
    assert (code[:, 9:] == one_hot(places, 4)).all()
    assert (code[:, :9] == network.autoencoder.encoder(x)).all()


def test_an_atlas_learns_of_its_class_alone(x):
    network = build("add", n_atlases=4)
    places = torch.tensor([0, 1, 1, 3, 1, 0])
    outputs = network(x, one_hot(places, 4).double())
    (outputs.raw - x).square().sum().backward()
    gradients = network.decoder.change.grad
    assert (gradients[2] == 0).all()
    for place in (0, 1, 3):
        assert (gradients[place] != 0).any()


def test_fusions(x):
    code = torch.randn(6, 9, generator=torch.Generator().manual_seed(2)).double()
    for fusion in FUSIONS:
        head = build(fusion).classifier
        shape = code[:, :3] @ head.shape.weight.T + head.shape.bias
        if fusion == "add":
            shape = shape + head.image(x)
        if fusion == "concat":
            shape = torch.cat([shape, head.image(x)], 1)
        expected = silu(shape) @ head.output.weight.T + head.output.bias
        assert_allclose(head(x, code).detach(), expected.detach(), atol=1e-12)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_poses_do_not_matter_to_shapes(x, fusion):
    head = build(fusion).classifier
    code = torch.randn(6, 9, generator=torch.Generator().manual_seed(2)).double()
    moved = code.clone()
    moved[:, 3:] += 1
    assert (head(x, moved) == head(x, code)).all()
    is_image_seen = (head(-x, code) != head(x, code)).any()
    assert is_image_seen == (fusion != "shape_only")


@pytest.mark.parametrize("n_atlases", [1, 4])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_at_first_no_class_is_told_from_another(x, fusion, n_atlases):
    atlas = replace(ATLAS, n_atlases=n_atlases)
    plan = AtlasClassifierArchitecture(atlas, fusion, n_features=5, n_classes=4)
    network = plan.build(torch.Generator().manual_seed(0))
    assert (network.find_logits(x) == 0).all()
    assert plan.n_weights <= sum(weights.numel() for weights in network.parameters())
    assert plan.sizes[-1] == network.encoder(x).shape[1]


def test_atlases_count_as_weights():
    one, many = (
        AtlasClassifierArchitecture(replace(ATLAS, n_atlases=n), "add", 5, 4).n_weights
        for n in (1, 4)
    )
    assert many == one + 3 * 120
