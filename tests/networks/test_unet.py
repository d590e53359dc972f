"""Networks from images to images."""

import pytest
import torch
from torch.autograd import gradcheck

from skae.networks import _unet
from skae.networks._unet import UNetArchitecture

PLANS = [
    UNetArchitecture(1, 1, 3, 2, False, True, 0),
    UNetArchitecture(2, 3, 3, 1, False, False, 0),
    UNetArchitecture(2, 1, 4, 0, False, True, 0),
    UNetArchitecture(1, 1, 3, 2, False, True, 3),
    UNetArchitecture(3, 3, 2, 1, False, False, 1),
    UNetArchitecture(1, 2, 2, 2, True, True, 3),
    UNetArchitecture(2, 1, 3, 1, True, False, 0),
    UNetArchitecture(1, 3, 2, 1, False, True, 3, is_per_channel=True),
    UNetArchitecture(2, 2, 2, 1, True, True, 0, is_per_channel=True),
    UNetArchitecture(1, 2, 2, 1, False, True, 3, n_dims=3),
    UNetArchitecture(2, 1, 1, 2, True, True, 0, n_dims=3),
]
over_plans = pytest.mark.parametrize("plan", PLANS, ids=str)


def _build(plan, seed=0):
    network = plan.build(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for parameter in network.parameters():
            # the last layer is zero at the start
            if not parameter.any():
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    return network


def _images(plan, *sizes, n=2):
    sizes = sizes if plan.n_dims == 2 else (5, *sizes)
    generator = torch.Generator().manual_seed(2)
    return torch.randn(n, plan.n_channels_in, *sizes, generator=generator, dtype=torch.float64)


@pytest.mark.thinned(1)
@over_plans
@pytest.mark.parametrize("sizes", [(8, 8), (7, 9), (5, 12), (4, 4)])
def test_sizes_are_kept(plan, sizes):
    images = _images(plan, *sizes)
    raw = _build(plan)(images).raw
    assert raw.shape == (2, plan.n_channels_out, *images.shape[2:])
    assert raw.isfinite().all()


@over_plans
def test_images_do_not_depend_on_each_other(plan):
    network, x = _build(plan), _images(plan, 8, 9, n=3)
    together = network(x).raw
    apart = torch.cat([network(image[None]).raw for image in x])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)


@over_plans
def test_crops_that_are_moved_by_whole_steps(plan):
    """Away from borders, where an image is and what is around it does not matter."""
    network, x = _build(plan), _images(plan, 96, 96, n=1)
    step, reach = 2**plan.depth, 32
    whole = network(x).raw[..., step:, 2 * step :]
    crop = network(x[..., step:, 2 * step :]).raw
    inside = slice(reach, 96 - 2 * step - reach)
    difference = (crop - whole)[..., inside, inside]
    assert difference.numel() > 100
    torch.testing.assert_close(difference, torch.zeros_like(difference), rtol=0, atol=1e-12)
    assert whole.std() > 1e-3


@over_plans
def test_gradients(plan):
    network = _build(plan)
    names = [name for name, _ in network.named_parameters()]
    parameters = tuple(p.detach().requires_grad_() for p in network.parameters())
    x = _images(plan, 4, 5, n=1)

    def find_loss(*values):
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(network, given, (x,)).raw.square().sum()

    assert gradcheck(find_loss, parameters, fast_mode=True)


@over_plans
def test_the_same_seed_the_same_network(plan):
    state = torch.get_rng_state()
    one, same, other = (_build(plan, seed).state_dict() for seed in (0, 0, 1))
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)
    assert (torch.get_rng_state() == state).all()


@over_plans
def test_there_are_at_least_as_many_weights_as_said(plan):
    assert plan.n_weights <= sum(p.numel() for p in plan.build(torch.Generator()).parameters())


@pytest.mark.thinned(1)
@over_plans
@pytest.mark.parametrize("n_channels", [0, 2])
def test_large_images_are_convolved_by_groups_of_channels(plan, n_channels, monkeypatch):
    network, x = _build(plan), _images(plan, 8, 8)
    expected = network(x).raw
    monkeypatch.setattr(_unet, "MAX_UNROLLED", n_channels * 2 * 64 * 9)
    torch.testing.assert_close(network(x).raw, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("plan", [plan for plan in PLANS if plan.filter_size], ids=str)
def test_around_a_filter_it_starts_at_zero(plan):
    network = plan.build(torch.Generator().manual_seed(0))
    assert not network(_images(plan, 8, 8)).raw.any()


@over_plans
def test_networks_side_by_side_share_nothing(plan):
    network = _build(plan)
    network(_images(plan, 8, 8)).raw[:, 0].sum().backward()
    n_parts = plan.n_channels_out if plan.is_per_channel else 1
    is_reached = [bool(parameter.grad.any()) for parameter in network.parameters()]
    n_reached = len(is_reached) // n_parts
    assert all(is_reached[:n_reached])
    assert not any(is_reached[n_reached:])


def test_single_precision():
    network, x = _build(PLANS[0]), _images(PLANS[0], 12, 12)
    expected = network(x).raw
    torch.testing.assert_close(
        network.float()(x.float()).raw.double(), expected, rtol=1e-4, atol=1e-4
    )
