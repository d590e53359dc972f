"""How many entries of codes are decoded."""

import pytest
import torch
from torch import Generator

from skae.engine import Batch, DrawnLengths, SpreadLengths

N_COMPONENTS = 16


def _batch(n):
    x = torch.zeros(n, 2)
    return Batch((x,), x)


def _drawn(n, n_components=N_COMPONENTS, seed=0):
    draw = DrawnLengths(n_components, Generator().manual_seed(seed))
    inputs, target, _ = draw(_batch(n))
    assert inputs[0] is target
    assert inputs[1].shape == (n, 1)
    return inputs[1][:, 0]


def test_drawn_lengths_have_uniform_logarithms_but_for_whole_codes():
    counts = torch.bincount(_drawn(100_000), minlength=N_COMPONENTS + 1) / 100_000
    assert counts[0] == 0
    lengths = torch.arange(1, N_COMPONENTS + 1)
    expected = 0.75 * ((lengths + 1) / lengths).log() / torch.tensor(N_COMPONENTS + 1).log()
    expected[-1] += 0.25
    torch.testing.assert_close(counts[1:], expected, atol=1e-4, rtol=0)


def test_drawn_lengths_are_stratified():
    for seed in range(10):
        lengths = _drawn(64, seed=seed)
        assert 16 <= (lengths == N_COMPONENTS).sum() <= 18
        assert abs(int((lengths == 1).sum()) - 48 * 0.2447) <= 1


def test_every_row_may_have_every_length():
    draw = DrawnLengths(3, Generator().manual_seed(0))
    drawn = torch.cat([draw(_batch(5)).inputs[1] for _ in range(200)], 1)
    assert all(set(row.tolist()) == {1, 2, 3} for row in drawn)


@pytest.mark.parametrize("n_components", [1, 2, 16])
def test_lengths_are_in_range(n_components):
    for n_rows in (1, 3, 500):
        lengths = _drawn(n_rows, n_components)
        assert lengths.min() >= 1
        assert lengths.max() <= n_components


@pytest.mark.parametrize("n_components", [1, 2, 16, 22, 107, 321])
def test_few_rows_are_decoded_at_every_length(n_components):
    lengths = SpreadLengths(n_components)(_batch(3)).inputs[1]
    assert lengths.tolist() == [list(range(1, n_components + 1))] * 3


def test_no_more_prefixes_than_allowed():
    assert SpreadLengths(N_COMPONENTS, 12)(_batch(4)).inputs[1].shape == (4, 3)
    assert SpreadLengths(N_COMPONENTS, 1)(_batch(4)).inputs[1].shape == (4, 1)


@pytest.mark.parametrize("n_rows", [200, 1000, 5000])
def test_many_rows_cover_all_lengths_evenly(n_rows):
    lengths = SpreadLengths(N_COMPONENTS)(_batch(n_rows)).inputs[1]
    assert lengths.shape == (n_rows, max(1, 1024 // n_rows))
    counts = torch.bincount(lengths.flatten(), minlength=N_COMPONENTS + 1)[1:]
    expected = lengths.numel() / N_COMPONENTS
    assert (counts - expected).abs().max() <= 0.02 * expected + 2
