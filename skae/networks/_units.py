"""Modules between the data's own units and the units in which networks are trained."""

from collections.abc import Callable

from torch import Tensor, nn


class _Located(nn.Module):
    """Holds a location as the sum of two numbers of single precision.

    One would not do where features are far from zero and vary little: rows less the location would
    be wrong by what it lacks.

    Parameters
    ----------
    location : Tensor of shape (n_features,)
    scale : float
    """

    location: Tensor
    remainder: Tensor

    def __init__(self, location: Tensor, scale: float) -> None:
        super().__init__()
        rounded = location.float()
        self.register_buffer("location", rounded)
        self.register_buffer("remainder", (location - rounded).float())
        self.scale = scale


class FromUnits(_Located):
    """``network((x - location) / scale)``.

    Parameters
    ----------
    location : Tensor of shape (n_features,)
    scale : float
    network : nn.Module
    """

    def __init__(self, location: Tensor, scale: float, network: nn.Module) -> None:
        super().__init__(location, scale)
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's output for `x` in the data's units and in any precision."""
        x = (x - self.location - self.remainder) / self.scale
        return self.network(x.to(self.location.dtype))


class ToUnits(_Located):
    """``mean(network(code)) * scale + location``.

    Parameters
    ----------
    network : nn.Module
    mean : callable
        Turns the network's output into an expected value, in the network's units.
    location : Tensor of shape (n_features,)
    scale : float
    """

    def __init__(
        self, network: nn.Module, mean: Callable[[Tensor], Tensor], location: Tensor, scale: float
    ) -> None:
        super().__init__(location, scale)
        self.network = network
        self.mean = mean

    def forward(self, code: Tensor) -> Tensor:
        """Return the reconstruction in the data's units."""
        return self.mean(self.network(code)) * self.scale + self.remainder + self.location
