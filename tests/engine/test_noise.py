"""Noise as an input."""

import torch
from scipy.stats import kstest
from torch import Generator

from skae.engine import Batch, CubatureNoise, NormalNoise, ShiftedNoise


def test_noise_is_the_second_input():
    x, told = torch.zeros(5, 3), torch.ones(5, 2)
    batch = NormalNoise(4, 2, Generator().manual_seed(0))(Batch((x, told), x))
    assert batch.inputs[0] is x
    assert batch.inputs[1].shape == (5, 4, 2)
    assert batch.inputs[2] is told
    assert batch.target is x


def test_draws_are_new_and_their_generator_is_the_only_source():
    x = torch.zeros(5, 3)
    noise = NormalNoise(1, 2, Generator().manual_seed(0))
    first, second = noise.draw(x), noise.draw(x)
    assert not torch.equal(first, second)
    assert torch.equal(NormalNoise(1, 2, Generator().manual_seed(0)).draw(x), first)


def test_cubature_is_exact_for_cubic_polynomials():
    points = CubatureNoise(3).draw(torch.zeros(2, 7, dtype=torch.float64))
    assert points.shape == (2, 6, 3)
    torch.testing.assert_close(points.mean(1), torch.zeros(2, 3, dtype=torch.float64))
    second = torch.einsum("nsi,nsj->nij", points, points) / 6
    torch.testing.assert_close(second, torch.eye(3, dtype=torch.float64).expand(2, 3, 3))
    third = torch.einsum("nsi,nsj,nsk->nijk", points, points, points)
    torch.testing.assert_close(third, torch.zeros_like(third))


def test_shifted_noise_depends_on_the_row_alone():
    x = torch.randn(50, 3, generator=Generator().manual_seed(0), dtype=torch.float64)
    noise = ShiftedNoise(8, 2, 3, seed=0)
    whole = noise.draw(x)
    assert whole.shape == (50, 8, 2)
    torch.testing.assert_close(noise.draw(x[7:9]), whole[7:9])
    torch.testing.assert_close(ShiftedNoise(8, 2, 3, seed=0).draw(x), whole)
    assert not torch.allclose(ShiftedNoise(8, 2, 3, seed=1).draw(x), whole)


def test_shifted_noise_is_normal_and_rows_differ():
    x = torch.randn(2000, 3, generator=Generator().manual_seed(0), dtype=torch.float64)
    drawn = ShiftedNoise(2, 4, 3, seed=0).draw(x)
    assert all(kstest(column.numpy(), "norm").pvalue > 1e-3 for column in drawn.flatten(1).T)
    neighbours = torch.corrcoef(torch.stack([drawn[:-1, 0, 0], drawn[1:, 0, 0]]))
    assert abs(neighbours[0, 1]) < 0.1
    # many draws for one row are even
    points = ShiftedNoise(4096, 1, 3, seed=0).draw(x[:1]).flatten()
    assert abs(points.mean()) < 2e-3
    assert abs(points.var() - 1) < 2e-2
