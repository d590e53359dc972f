"""Modules between the data's own units and the units in which networks are trained."""

from collections.abc import Callable

from torch import Tensor, nn


class FromUnits(nn.Module):
    """``network((x - location) / scale)``.

    Parameters
    ----------
    location : Tensor of shape (n_features,)
    scale : float
    network : nn.Module
    """

    location: Tensor

    def __init__(self, location: Tensor, scale: float, network: nn.Module) -> None:
        super().__init__()
        self.register_buffer("location", location)
        self.scale = scale
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's output for `x` in the data's units."""
        return self.network((x - self.location) / self.scale)


class ToUnits(nn.Module):
    """``mean(network(code)) * scale + location``.

    Parameters
    ----------
    network : nn.Module
    mean : callable
        Turns the network's output into an expected value, in the network's units.
    location : Tensor of shape (n_features,)
    scale : float
    """

    location: Tensor

    def __init__(
        self, network: nn.Module, mean: Callable[[Tensor], Tensor], location: Tensor, scale: float
    ) -> None:
        super().__init__()
        self.network = network
        self.mean = mean
        self.register_buffer("location", location)
        self.scale = scale

    def forward(self, code: Tensor) -> Tensor:
        """Return the reconstruction in the data's units."""
        return self.mean(self.network(code)) * self.scale + self.location
