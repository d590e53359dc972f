"""Forward and backward passes through networks, written out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

Gradients = Mapping[str, Tensor]
"""Gradients of a loss by a network's outputs, by the name of the field."""


class LayerPass(ABC):
    """Abstract base of passes from one tensor to another, and back.

    A pass shares the weights of a module and adds to their `grad`, which exists already. `forward`
    keeps intermediate results for the other two methods. Results are valid until it is called
    again.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the output for `x`."""

    @abstractmethod
    def backward(self, gradient: Tensor) -> None:
        """Backpropagate the gradient of the last output; add to those of the parameters."""

    @abstractmethod
    def input_gradient(self) -> Tensor:
        """Return the gradient of the last input; call it once, after `backward`."""


class NetworkPass(ABC):
    """Abstract base of passes from a network's inputs to its named outputs, and back."""

    @abstractmethod
    def forward(self, *inputs: Any) -> tuple[Tensor, ...]:
        """Return the network's outputs."""

    @abstractmethod
    def backward(self, gradients: Gradients) -> None:
        """Backpropagate gradients of the last outputs; add to those of the parameters."""


def make_pass(module: nn.Module) -> LayerPass | None:
    """Return the pass of a module, or None if it has none and needs autograd."""
    make = getattr(module, "make_pass", None)
    return None if make is None else make()
