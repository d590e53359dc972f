"""Types of modules that torch leaves open."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar, cast

from torch import Tensor, nn

ModuleT = TypeVar("ModuleT")


class Layer(Protocol):
    """A linear layer or a convolution, with a bias."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor, /) -> Tensor:
        """Return the output for `x`."""


LayerT = TypeVar("LayerT", bound=Layer)


class Convolution(Layer, Protocol):
    """A convolution of one, two or three dimensions, with a bias."""

    kernel_size: tuple[int, ...]
    padding: tuple[int, ...]


def module_list(modules: Iterable[ModuleT]) -> Sequence[ModuleT]:
    """Return a ModuleList, whose type in torch says nothing of the kind of its items."""
    return cast(Sequence[ModuleT], nn.ModuleList(cast(Iterable[nn.Module], modules)))


def gradient_of(parameter: Tensor) -> Tensor:
    """Return the gradient of a parameter, which passes add to in place."""
    assert parameter.grad is not None  # a step gives every parameter one before it learns
    return parameter.grad
