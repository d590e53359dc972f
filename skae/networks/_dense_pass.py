"""Forward and backward passes through linear layers with activations between them."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from skae.networks._activations import Activation, find_written
from skae.networks._pass import LayerPass

LARGE = 2**15
"""Number of entries from which on the memory of a result is used again."""


class LinearPass(LayerPass):
    """``x @ weight.T + bias``.

    Parameters
    ----------
    weight, weight_gradient : Tensor of shape (n_out, n_in)
    bias, bias_gradient : Tensor of shape (n_out,)
    """

    def __init__(
        self, weight: Tensor, weight_gradient: Tensor, bias: Tensor, bias_gradient: Tensor
    ) -> None:
        # views of the parameters, which updates change in place
        self.weight, self.weight_gradient = weight.detach(), weight_gradient
        self.transposed = self.weight.mT
        self.bias, self.bias_gradient = bias.detach(), bias_gradient
        self.y, self.x_gradient = weight.new_empty(0), weight.new_empty(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, shape (n, n_out)."""
        self.x = x
        place = _place(self.y, x.shape[0], self.weight.shape[0])
        return torch.addmm(self.bias, x, self.transposed, out=place)

    def backward(self, gradient: Tensor) -> None:
        """Add to the gradients of weight and bias, given the gradient of the last output."""
        self.gradient = gradient
        self.weight_gradient.addmm_(gradient.mT, self.x)
        self.bias_gradient.add_(gradient.sum(0))

    def input_gradient(self) -> Tensor:
        """Return the gradient of the input, shape (n, n_in)."""
        place = _place(self.x_gradient, *self.x.shape)
        return torch.mm(self.gradient, self.weight, out=place)


class ActivationPass(LayerPass):
    """An activation function.

    Parameters
    ----------
    activation : Activation
    """

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, the shape of `x`."""
        self.x, self.y = x, self.activation.forward(x)
        return self.y

    def backward(self, gradient: Tensor) -> None:
        """Keep the gradient for `input_gradient`; there are no parameters."""
        self.gradient = gradient

    def input_gradient(self) -> Tensor:
        """Return the gradient of the input."""
        return self.activation.backward(self.gradient, self.x, self.y)


class Chain(LayerPass):
    """Several passes, one after the other.

    Parameters
    ----------
    parts : sequence of LayerPass
    """

    def __init__(self, parts: Sequence[LayerPass]) -> None:
        self.parts = parts

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last part."""
        for part in self.parts:
            x = part.forward(x)
        return x

    def backward(self, gradient: Tensor) -> None:
        """Backpropagate to the first part, whose input's gradient is found by `input_gradient`."""
        self.parts[-1].backward(gradient)
        for after, part in pairwise(reversed(self.parts)):
            part.backward(after.input_gradient())

    def input_gradient(self) -> Tensor:
        """Return the gradient of the first part's input."""
        return self.parts[0].input_gradient()


def dense_pass(layers: Sequence[LinearPass], activation: nn.Module) -> LayerPass | None:
    """Return a chain of layers and activations, or None if the derivative is unknown."""
    written = find_written(activation)
    if written is None:
        return None
    first, *others = layers
    parts: list[LayerPass] = [first]
    for layer in others:
        parts += [ActivationPass(written), layer]
    return Chain(parts)


def _place(last: Tensor, n_rows: int, width: int) -> Tensor | None:
    """Return the memory of the last result, resized, for a large result; None for a small one.

    New memory is slow at first touch, if the allocator takes it from the system every time.
    """
    return last.resize_(n_rows, width) if n_rows * width >= LARGE else None
