"""Selections by numpy, and by torch where numpy is not to be had."""

import pytest
import torch

from skae.networks import TopK


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_nonzero", [1, 3, 8])
def test_what_is_exported_selects_the_same(monkeypatch, dtype, n_nonzero):
    drive = torch.randn(100, 8, generator=torch.Generator().manual_seed(0), dtype=dtype)
    wanted = TopK(n_nonzero)(drive)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    monkeypatch.setattr("skae.networks._thresholds.np", None)
    torch.testing.assert_close(TopK(n_nonzero)(drive), wanted, rtol=0, atol=0)
