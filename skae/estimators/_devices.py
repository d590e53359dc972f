"""Where to compute."""

import torch


def find_device(name: str) -> torch.device:
    """Return the device of this name; "auto" is CUDA, then MPS, then the CPU.

    Raises
    ------
    ValueError
        If the name is no device's, or the device is absent.
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
