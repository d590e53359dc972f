"""Modules that convert between the data's units and those of networks."""

from collections.abc import Callable

from torch import Tensor, nn


class _Located(nn.Module):
    """Holds a location as the sum of two numbers of single precision.

    A single number is not exact enough for features that are far from zero and vary little: its
    rounding error may be as large as their deviations.

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
        """Return the network's output for `x`, which is in the data's units, of any precision."""
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
