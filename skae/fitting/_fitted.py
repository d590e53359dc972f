"""Trained networks, which can be pickled without a tensor in the file."""

from copy import deepcopy
from typing import Any, NamedTuple, TypedDict

import torch
from numpy.typing import NDArray
from torch import Generator, nn

from skae.engine import History
from skae.networks import Architecture


class NetworkState(TypedDict):
    """The state of a fitted network: a plan to build it again, and its weights by name."""

    architecture: Architecture
    weights: dict[str, NDArray]


class FittedNetwork:
    """A network in float64, and copies of it for other devices and dtypes.

    Parameters
    ----------
    architecture : Architecture
    module : nn.Module
        On the CPU, in float64.
    """

    def __init__(self, architecture: Architecture, module: nn.Module) -> None:
        self.architecture = architecture
        # networks differ in their methods: each estimator knows those of its own
        self.module: Any = module.eval().requires_grad_(False)
        self._copies: dict[tuple[str, torch.dtype], nn.Module] = {
            ("cpu", torch.float64): self.module
        }

    def on(self, device: torch.device, dtype: torch.dtype) -> Any:
        """Return the network on a device, in a dtype; do not change it: it is kept for later."""
        key = (str(device), dtype)
        if key not in self._copies:
            self._copies[key] = deepcopy(self.module).to(device=device, dtype=dtype)
        return self._copies[key]

    def __getstate__(self) -> NetworkState:
        weights = {name: value.numpy() for name, value in self.module.state_dict().items()}
        return {"architecture": self.architecture, "weights": weights}

    def __setstate__(self, state: NetworkState) -> None:
        architecture = state["architecture"]
        n_weights = sum(value.size for value in state["weights"].values())
        if min(architecture.sizes) < 1 or architecture.n_weights > n_weights:
            # checked before memory is allocated, which a damaged file could make huge
            raise ValueError(f"{n_weights} weights are not those of {architecture}.")
        module = architecture.build(Generator())
        weights = {name: torch.tensor(value) for name, value in state["weights"].items()}
        module.load_state_dict(weights)
        FittedNetwork.__init__(self, architecture, module)


class Fitted(NamedTuple):
    """The result of a training.

    Attributes
    ----------
    network : FittedNetwork
    history : History
    """

    network: FittedNetwork
    history: History
