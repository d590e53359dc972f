"""Convolutional networks: any size, no checkerboards, and nothing at the start."""

from dataclasses import replace

import pytest
import torch
from torch import Generator
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, silu

from skae.networks import POOLINGS, ConvArchitecture, ImageLayout, Reconstruction
from skae.networks._convolutional import _convolution
from skae.networks._convolutions import convolve, neighbour_sums, resize_and_convolve

SHAPES = [(1, 17), (3, 8), (1, 8, 8), (2, 7, 9), (1, 1, 6), (3, 1, 1), (2, 3, 4, 5)]
over_shapes = pytest.mark.parametrize("shape", SHAPES)
over_orders = pytest.mark.parametrize("is_last", [False, True])


def _plan(shape, is_last=False, **changes):
    shape = (*shape[1:], shape[0]) if is_last else shape
    layout = ImageLayout(shape, is_last)
    plan = ConvArchitecture(layout, (4, 6), 3, "stride", 2, "silu", False)
    return replace(plan, **changes)


def _rows(plan, n=3):
    generator = Generator().manual_seed(0)
    return torch.randn(n, plan.sizes[0], dtype=torch.float64, generator=generator)


def _build(plan, seed=0):
    return plan.build(Generator().manual_seed(seed))


@over_shapes
@over_orders
def test_rows_are_maps_and_back(shape, is_last):
    plan = _plan(shape, is_last)
    x = _rows(plan)
    maps = plan.layout.unflatten(x)
    assert maps.shape == (3, *shape)
    expected = x.view(3, *plan.layout.shape)
    torch.testing.assert_close(maps, expected.movedim(-1, 1) if is_last else expected)
    torch.testing.assert_close(plan.layout.flatten(maps), x)


@pytest.mark.thinned(1)
@over_shapes
@pytest.mark.parametrize("size", [1, 3, 5])
def test_a_step_up_is_a_resize_and_a_convolution(shape, size):
    plan = _plan(shape, kernel_size=size)
    layer = _convolution(plan, shape[0], 4, Generator().manual_seed(0))
    maps = plan.layout.unflatten(_rows(plan))
    sums = neighbour_sums(size, len(shape) - 1)
    larger = [2 * n for n in shape[1:]]
    smaller = [2 * n - 1 for n in shape[1:]]
    repeated = interpolate(maps, larger, mode="nearest")
    # a transposed convolution runs through its kernel backwards
    layer.weight.data = layer.weight.data.flip(list(range(2, layer.weight.ndim)))
    expected = layer(repeated)
    layer.weight.data = layer.weight.data.flip(list(range(2, layer.weight.ndim)))
    torch.testing.assert_close(resize_and_convolve(layer, maps, larger, sums), expected)
    cut = expected[(..., *map(slice, smaller))]
    torch.testing.assert_close(resize_and_convolve(layer, maps, smaller, sums), cut)


@pytest.mark.parametrize("size", [3, 5])
def test_there_are_no_checkerboards(size):
    """Flat maps stay flat away from the border, whatever the weights are."""
    plan = _plan((1, 12, 12), kernel_size=size)
    layer = _convolution(plan, 5, 4, Generator().manual_seed(0))
    flat = torch.rand(1, 5, 1, 1, dtype=torch.float64).expand(-1, -1, 12, 12)
    inner = resize_and_convolve(layer, flat, (24, 24), neighbour_sums(size, 2))[..., 4:-4, 4:-4]
    assert inner.std((2, 3)).max() < 1e-12
    assert inner.abs().max() > 0.01


@pytest.mark.thinned(2)
@over_shapes
@over_orders
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("linear_start", [False, True])
def test_any_size(shape, is_last, pooling, linear_start):
    plan = _plan(shape, is_last, pooling=pooling, linear_start=linear_start)
    outputs = _build(plan)(_rows(plan))
    assert isinstance(outputs, Reconstruction)
    assert outputs.code.shape == (3, 2)
    assert outputs.raw.shape == (3, plan.sizes[0])
    # before an affine map is set, a network around it returns zero
    assert outputs.raw.any() != linear_start
    assert outputs.code.any() != linear_start


@pytest.mark.thinned(2)
@over_shapes
@pytest.mark.parametrize("linear_start", [False, True])
@pytest.mark.parametrize("hidden_channels", [(4, 6), (64, 64)])
def test_the_least_number_of_weights_is_near_theirs(shape, linear_start, hidden_channels):
    """The encoder is counted, and the decoder has one layer more: a third, with offsets."""
    plan = _plan(shape, linear_start=linear_start, hidden_channels=hidden_channels)
    n_weights = sum(p.numel() for p in _build(plan).state_dict().values())
    assert n_weights / 3 < plan.n_weights <= n_weights


@over_orders
def test_the_order_of_a_row_is_only_an_order(is_last):
    first, last = _plan((2, 7, 9)), _plan((2, 7, 9), True)
    x = _rows(first)
    other = last.layout.flatten(first.layout.unflatten(x))
    outputs, others = _build(first)(x), _build(last)(other)
    torch.testing.assert_close(outputs.code, others.code)
    torch.testing.assert_close(
        first.layout.unflatten(outputs.raw), last.layout.unflatten(others.raw)
    )


@pytest.mark.parametrize("pooling", POOLINGS)
def test_maps_are_halved(pooling):
    plan = _plan((2, 7, 9), pooling=pooling)
    assert plan.map_sizes == [(7, 9), (4, 5), (2, 3)]
    maps = _build(plan).encoder.maps(_rows(plan))
    assert [m.shape for m in maps] == [(3, 4, 4, 5), (3, 6, 2, 3)]
    for tensor in maps:
        assert tensor[0].numel() <= max(plan.sizes)


def test_pooling_is_what_it_says():
    plans = [_plan((1, 6, 6), pooling=pooling) for pooling in POOLINGS]
    x = _rows(plans[0])
    strided, largest, mean = (_build(plan).encoder.maps(x)[0] for plan in plans)
    full = silu(_build(plans[1]).encoder.layers[0](plans[1].layout.unflatten(x)))
    torch.testing.assert_close(strided, full[..., ::2, ::2])
    torch.testing.assert_close(largest, max_pool2d(full, 2))
    torch.testing.assert_close(mean, avg_pool2d(full, 2))


def test_weights_come_from_the_generator_alone():
    state = torch.random.get_rng_state()
    first, second, other = (
        torch.cat([p.flatten() for p in _build(_plan((2, 7, 9)), seed).parameters()])
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_decoder_refines_what_is_linear():
    """The last convolution sees the linear part: with a kernel there, it is a filter of it."""
    plan = _plan((1, 8, 8), linear_start=True)
    network = _build(plan)
    decoder = network.decoder
    with torch.no_grad():
        decoder.set_affine_(torch.randn(64, 2), torch.zeros(64), torch.ones(64))
        decoder.network.output.weight[0, -1, 1, 1] = 0.5
    code = torch.ones(1, 2, dtype=torch.float64)
    torch.testing.assert_close(decoder(code), 1.5 * (code @ decoder.weight.T))


def test_the_start_is_no_saddle_point():
    plan = _plan((1, 8, 8), linear_start=True)
    network = _build(plan)
    x = _rows(plan, 20)
    axes = torch.linalg.svd(x, full_matrices=False)[2][:2]
    network.encoder.set_affine_(axes, torch.zeros(2), torch.ones(2))
    network.decoder.set_affine_(axes.T, torch.zeros(64), torch.ones(64))
    (network(x).raw - x).square().mean().backward()
    assert network.decoder.network.output.weight.grad.abs().max() > 1e-2


def test_layouts():
    first, last = ImageLayout((3, 7, 9), False), ImageLayout((7, 9, 3), True)
    assert first.n_channels == last.n_channels == 3
    assert first.spatial == last.spatial == (7, 9)


@pytest.mark.thinned(1)
@over_shapes
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_convolution_by_channels_is_a_convolution(shape, dtype):
    plan = _plan(shape)
    layer = _convolution(plan, shape[0], 4, Generator().manual_seed(0)).to(dtype)
    layer.bias.data.fill_(0.5)
    maps = plan.layout.unflatten(_rows(plan)).to(dtype)
    torch.testing.assert_close(convolve(layer, maps), layer(maps))
