"""Which rows lie on a GPU all at once."""

import pytest
import torch

from skae.fitting import _devices


@pytest.mark.parametrize(
    ("free", "reserved", "allocated", "expected"),
    [(2002, 0, 0, True), (2001, 0, 0, False), (1002, 1500, 500, True), (1002, 1500, 501, False)],
)
def test_rows_lie_on_a_gpu_if_half_of_what_is_free_holds_them(
    monkeypatch, free, reserved, allocated, expected
):
    for name, value in {
        "mem_get_info": (free, 10**6),
        "memory_reserved": reserved,
        "memory_allocated": allocated,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    rows = [torch.zeros(100), torch.zeros(150)]  # 1000 bytes
    assert _devices.fits(rows, torch.device("cuda")) == expected
    assert _devices.fits(rows, torch.device("cpu"))
