"""The network: images are deformations of one atlas."""

from dataclasses import replace

import pytest
import torch
from numpy.testing import assert_allclose

from skae.networks import ImageLayout
from skae.registration._atlas_network import MAX_POSE, POSE_SCALE, AtlasArchitecture
from skae.registration._fields import jacobian_determinant
from skae.registration._metric import Metric

PLAN = AtlasArchitecture(
    layout=ImageLayout((1, 24, 20), False),
    hidden_channels=(4, 4),
    n_components=3,
    is_posed=True,
    integrator="svf",
    spacing=4,
    alpha=2.0,
    gamma=0.1,
    power=2.0,
)
VOLUME = replace(PLAN, layout=ImageLayout((1, 8, 7, 6), False))
PLANS = [
    PLAN,
    VOLUME,
    replace(PLAN, is_posed=False),
    replace(PLAN, integrator="epdiff"),
    replace(VOLUME, integrator="epdiff", is_posed=False),
    replace(PLAN, layout=ImageLayout((24, 20, 2), True), spacing=3),
    replace(PLAN, layout=ImageLayout((1, 3, 7), False), spacing=5),
]


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def build(plan, scale=2.0):
    """Return a network whose codes deform."""
    network = plan.build(torch.Generator().manual_seed(0))
    decoder = network.decoder
    with torch.no_grad():
        decoder.weight.copy_(scale * draw(*decoder.weight.shape))
        decoder.change.copy_(draw(*decoder.change.shape, seed=1))
    return network


def draw_code(plan, n=2, scale=0.3):
    code = scale * draw(n, plan.n_components + plan.n_pose)
    code[:, plan.n_components :] *= 0.3
    return code


@pytest.mark.parametrize("plan", PLANS)
def test_it_starts_at_the_identity(plan):
    network = plan.build(torch.Generator().manual_seed(0))
    network.decoder.set_base_(draw(*network.decoder.base.shape))
    with torch.no_grad():
        outputs = network(draw(3, torch.Size(plan.layout.shape).numel(), seed=1))
    assert_allclose(outputs.displacement, 0, atol=1e-12)
    assert_allclose(outputs.energy, 0, atol=1e-12)
    atlas = plan.layout.flatten(network.decoder.atlas.detach())
    assert_allclose(outputs.raw, atlas.expand(3, -1), atol=1e-12)
    assert outputs.code.shape == (3, plan.n_components + plan.n_pose)
    assert_allclose(outputs.code[:, plan.n_components :], 0)


@pytest.mark.parametrize("plan", PLANS)
def test_the_way_back(plan):
    decoder, code = build(plan).decoder, draw_code(plan)
    with torch.no_grad():
        there = decoder.find_points(code)
        assert (there - decoder.grid()).abs().max() > 0.5
        # also of points outside of the image
        assert (decoder.find_points_back(code, there) - decoder.grid()).abs().max() < 0.15
        assert (
            decoder.find_points(code, decoder.find_points_back(code)) - decoder.grid()
        ).abs().max() < 0.15
        assert jacobian_determinant(there - decoder.grid()).min() > 0


@pytest.mark.parametrize("plan", PLANS[:5])
def test_the_grid_of_the_training_is_fine_enough(plan):
    decoder, code = build(plan).decoder, draw_code(plan, scale=0.1)
    assert plan.step == 2
    with torch.no_grad():
        fine, coarse = (decoder.find_points(code, step=step) for step in (1, 2))
        velocities = [decoder.find_velocity(code, step) for step in (1, 2)]
        energies = [decoder.find_energy(v, s) for v, s in zip(velocities, (1, 2), strict=True)]
    every_other = (..., *[slice(None, None, 2)] * (fine.ndim - 2))
    assert_allclose(velocities[0][every_other], velocities[1], atol=1e-12)
    assert 0 < (fine - coarse).abs().max() < 0.15
    # differences are those of other neighbours, and these controls as rough as can be
    assert_allclose(energies[1], energies[0], rtol=0.15)


@pytest.mark.parametrize("plan", [PLAN, VOLUME])
def test_velocities_end_beyond_the_image(plan):
    decoder = build(plan).decoder
    velocity = decoder.find_velocity(draw_code(plan), 1)
    assert velocity.shape[2:] == plan.grid_sizes(1)
    for axis in range(2, velocity.ndim):
        for place in (0, -1):
            assert_allclose(velocity.select(axis, place).detach(), 0, atol=1e-12)


def test_the_energy_is_that_of_the_metric():
    decoder, code = build(PLAN).decoder, draw_code(PLAN)
    velocity = decoder.find_velocity(code, 1)
    expected = Metric(2.0, 0.1, 2.0).energy(velocity) / (24 * 20)
    assert_allclose(decoder.find_energy(velocity, 1).detach(), expected.detach())


def test_codes_of_zero_shape_are_poses():
    decoder, code = build(PLAN).decoder, draw_code(PLAN)
    code[:, : PLAN.n_components] = 0
    points = decoder.find_points(code).detach()
    slopes = torch.gradient(points, dim=[2, 3])
    for slope in slopes:
        assert_allclose(slope, slope[:, :, :1, :1].expand_as(slope), atol=1e-10)


def test_the_pose_is_undone_before_the_shape_is_found():
    """What a pose moves out of the way, the encoder of shapes does not see."""
    network = build(PLAN)
    x = torch.zeros(1, 480).double().view(1, 1, 24, 20)
    x[..., 8:12, 6:14] = 1
    moved = x.roll(3, 2)
    with torch.no_grad():
        straight = network.encoder(x.flatten(1))
        # three pixels down, in halves of the largest size
        pose = torch.tensor(-3 / 11.5, dtype=torch.float64)
        network.encoder.pose.output.bias[2] = (pose / MAX_POSE).atanh() * MAX_POSE / POSE_SCALE
        shape = network.encoder(moved.flatten(1))[:, : PLAN.n_components]
    assert_allclose(shape, straight[:, : PLAN.n_components], atol=1e-10)


def test_poses_have_bounds():
    network = build(PLAN)
    with torch.no_grad():
        network.encoder.pose.output.bias.copy_(1e6 * draw(PLAN.n_pose))
        pose = network.encoder(draw(2, 480))[:, PLAN.n_components :]
    assert_allclose(pose.abs(), MAX_POSE)


def test_channels_last_are_channels_first():
    first = replace(PLAN, layout=ImageLayout((2, 24, 20), False))
    last = replace(PLAN, layout=ImageLayout((24, 20, 2), True))
    networks = [build(plan) for plan in (first, last)]
    x = draw(3, 2, 24, 20)
    with torch.no_grad():
        outputs = [
            network(rows.flatten(1))
            for network, rows in zip(networks, (x, x.movedim(1, -1)), strict=True)
        ]
    assert_allclose(outputs[0].displacement, outputs[1].displacement, atol=1e-10)
    images = outputs[0].raw.view(3, 2, 24, 20).movedim(1, -1)
    assert_allclose(outputs[1].raw.view(3, 24, 20, 2), images, atol=1e-10)


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, layout=ImageLayout((1, 5, 4), False), hidden_channels=(2,), spacing=2),
        replace(
            PLAN,
            layout=ImageLayout((1, 3, 2), False),
            hidden_channels=(2,),
            spacing=1,
            integrator="epdiff",
            n_components=1,
        ),
    ],
)
def test_gradients(plan):
    network = build(plan, scale=0.5)
    with torch.no_grad():  # between pixels, where interpolation has a gradient
        network.encoder.pose.output.bias.copy_(draw(plan.n_pose))
    x = draw(2, torch.Size(plan.layout.shape).numel())
    weights = network.decoder.weight, network.encoder.pose.output.bias, network.decoder.change

    def run(*_):
        outputs = network(x)
        return outputs.raw, outputs.displacement, outputs.energy

    assert torch.autograd.gradcheck(run, weights)


@pytest.mark.parametrize("plan", PLANS)
def test_plans_know_their_sizes(plan):
    network = plan.build(torch.Generator())
    assert 0 < plan.n_weights <= sum(p.numel() for p in network.parameters())
    assert plan.sizes[0] == torch.Size(plan.layout.shape).numel()
    assert plan.sizes[-1] == plan.n_components + plan.n_pose
