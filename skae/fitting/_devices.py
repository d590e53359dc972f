"""Devices to compute on, and precisions of a training."""

from collections.abc import Iterable

import torch
from torch import Tensor


def choose_device(name: str) -> torch.device:
    """Return the device of this name; "auto" is CUDA, then MPS, then the CPU.

    Raises
    ------
    ValueError
        If no device has this name, or if this machine does not have the device.
    """
    available = [
        *(["cuda"] if torch.cuda.is_available() else []),
        *(["mps"] if torch.backends.mps.is_available() else []),
        "cpu",
    ]
    if name == "auto":
        return torch.device(available[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(
            f"The 'device' parameter must be 'auto' or the name of a torch device, such as "
            f"'cpu', 'cuda', 'cuda:1' or 'mps'. Got {name!r} instead."
        ) from error
    n_devices = torch.cuda.device_count() if device.type == "cuda" else 1
    if device.type not in available or (device.index or 0) >= n_devices:
        raise ValueError(
            f"device={name!r} is not available here. Available: 'auto', "
            f"{', '.join(map(repr, available))}."
        )
    return device


def fits(tensors: Iterable[Tensor], device: torch.device) -> bool:
    """Whether tensors fit into half of a GPU's free memory; always True for other devices."""
    if device.type != "cuda":
        return True
    n_bytes = sum(tensor.nbytes for tensor in tensors)
    # memory that torch has reserved, but does not use, is free as well
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return n_bytes < (torch.cuda.mem_get_info(device)[0] + cached) // 2


PRECISIONS: dict[str, torch.dtype | None] = {
    "auto": None,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
}
"""The dtypes of matrix products in a training, by the parameter `precision`."""
