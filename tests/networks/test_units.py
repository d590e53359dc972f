"""Rows that are far from zero, in single precision."""

import pytest
import torch
from torch import nn

from skae.networks import FromUnits, ToUnits


@pytest.fixture
def far():
    """Rows in single precision, their location and scale in double precision."""
    generator = torch.Generator().manual_seed(0)
    location = 1e6 * torch.rand(5, generator=generator, dtype=torch.float64)
    x = (location + torch.randn(50, 5, generator=generator)).float()
    return x, location, 1.3


def test_what_a_network_sees_loses_no_digits(far):
    x, location, scale = far
    seen = FromUnits(location, scale, nn.Identity()).float()(x)
    assert seen.dtype == torch.float32
    exact = (x.double() - location) / scale
    torch.testing.assert_close(seen.double(), exact, rtol=1e-6, atol=1e-6)


def test_rows_may_be_more_precise_than_the_network(far):
    x, location, scale = far
    seen = FromUnits(location, scale, nn.Linear(5, 2)).float()(x.double())
    assert seen.dtype == torch.float32


def test_what_a_network_gives_is_rounded_once(far):
    _, location, scale = far
    code = torch.linspace(-1, 1, 5).expand(3, -1)
    rows = ToUnits(nn.Identity(), nn.Identity(), location, scale).float()(code)
    exact = code.double() * scale + location
    half_a_step = torch.finfo(torch.float32).eps / 2
    torch.testing.assert_close(rows.double(), exact, rtol=1.01 * half_a_step, atol=0)


def test_doubles_are_doubles_again(far):
    _, location, scale = far
    module = FromUnits(location, scale, nn.Identity()).float().double()
    zero = module(location[None])
    torch.testing.assert_close(zero, torch.zeros_like(zero), rtol=0, atol=1e-8)
