"""Forward and backward through networks, written out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

Gradients = Mapping[str, Tensor]
"""Gradients of a loss with regard to the outputs of a network, by the name of the field."""


class LayerPass(ABC):
    """From one tensor to another, and back.

    It works on the weights of a module where they lie and adds to their `grad`, which they have.
    `forward` keeps what the other two need, and results are good until it is called again.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the output for `x`."""

    @abstractmethod
    def backward(self, gradient: Tensor) -> None:
        """Add to the parameters' gradients what the gradient of the last output causes."""

    @abstractmethod
    def input_gradient(self) -> Tensor:
        """Return the gradient of the last input, after `backward`; to be called once."""


class NetworkPass(ABC):
    """From the inputs of a network to its named outputs, and back."""

    @abstractmethod
    def forward(self, *inputs: Any) -> tuple[Tensor, ...]:
        """Return the network's outputs."""

    @abstractmethod
    def backward(self, gradients: Gradients) -> None:
        """Add to the parameters' gradients what those of the last outputs cause."""


def make_pass(module: nn.Module) -> LayerPass | None:
    """Return the pass of a module, or None if it has none: then there is autograd."""
    make = getattr(module, "make_pass", None)
    return None if make is None else make()
