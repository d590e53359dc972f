"""Fully connected networks, and the mirror image of one with the same weights."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils import skip_init

from skae.networks._activations import WRITTEN, Activation
from skae.networks._pass import LayerPass

LARGE = 2**15
"""Entries of a large result."""


def _draw(layer: nn.Linear, generator: Generator) -> None:
    """Set the weights to a normal draw of variance 1 / fan-in (LeCun et al. 1998), the bias to 0.

    Inputs of unit variance then give pre-activations of unit variance.
    """
    with torch.no_grad():
        layer.weight.normal_(0.0, layer.in_features**-0.5, generator=generator)
        layer.bias.zero_()


class Dense(nn.Module):
    """Linear layers with an activation between each two; the last one has none. In float64.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of every hidden layer and of the output.
    activation : callable
        Makes one activation module.
    generator : torch.Generator
        Draws the weights; torch's global generator is left alone.
    """

    layers: Any  # a ModuleList, whose items torch does not tell to be Linear

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[], nn.Module],
        generator: Generator,
    ) -> None:
        super().__init__()
        # skip_init: a layer's own constructor would draw from the global generator
        self.layers = nn.ModuleList(
            skip_init(nn.Linear, n_in, n_out, dtype=torch.float64)
            for n_in, n_out in pairwise(sizes)
        )
        self.activation = activation()
        for layer in self.layers:
            _draw(layer, generator)

    def zero_(self, layer: int) -> None:
        """Set one layer to zero: with biases of 0, the network then returns 0 for any input."""
        nn.init.zeros_(self.layers[layer].weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last layer, shape (n, sizes[-1])."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)

    def make_pass(self) -> LayerPass | None:
        """Return forward and backward, if the activation is one of ours."""
        layers = [
            LinearPass(layer.weight, layer.weight.grad, layer.bias, layer.bias.grad)
            for layer in self.layers
        ]
        return _make_pass(layers, self.activation)


class Mirrored(nn.Module):
    """A `Dense` network run backwards: its transposed weights, biases of its own.

    Parameters
    ----------
    network : Dense
        Shares its weight matrices; training one trains the other.
    """

    def __init__(self, network: Dense) -> None:
        super().__init__()
        self.network = network
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(layer.in_features, dtype=layer.weight.dtype))
            for layer in reversed(network.layers)
        )

    def forward(self, code: Tensor) -> Tensor:
        """Return the output, as wide as the mirrored network's input."""
        first, *others = zip(reversed(self.network.layers), self.biases, strict=True)
        x = linear(code, first[0].weight.T, first[1])
        for layer, bias in others:
            x = linear(self.network.activation(x), layer.weight.T, bias)
        return x

    def make_pass(self) -> LayerPass | None:
        """Return forward and backward, if the activation is one of ours."""
        layers = [
            LinearPass(layer.weight.T, layer.weight.grad.T, bias, bias.grad)
            for layer, bias in zip(reversed(self.network.layers), self.biases, strict=True)
        ]
        return _make_pass(layers, self.network.activation)


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
        """Add to the gradients of weight and bias."""
        self.gradient = gradient
        self.weight_gradient.addmm_(gradient.mT, self.x)
        self.bias_gradient.add_(gradient.sum(0))

    def input_gradient(self) -> Tensor:
        """Return the gradient of the input, shape (n, n_in)."""
        place = _place(self.x_gradient, *self.x.shape)
        return torch.mm(self.gradient, self.weight, out=place)


class ActivationPass(LayerPass):
    """A function of every entry.

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
        """Keep the gradient: nothing is learned."""
        self.gradient = gradient

    def input_gradient(self) -> Tensor:
        """Return the gradient of the input."""
        return self.activation.backward(self.gradient, self.x, self.y)


class Chain(LayerPass):
    """One after the other.

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
        """Go back to the first part, whose input has a gradient only if it is asked for."""
        *others, last = self.parts
        last.backward(gradient)
        for part, after in zip(reversed(others), reversed(self.parts), strict=False):
            part.backward(after.input_gradient())

    def input_gradient(self) -> Tensor:
        """Return the gradient of the first part's input."""
        return self.parts[0].input_gradient()


def _place(last: Tensor, n_rows: int, width: int) -> Tensor | None:
    """Return where a large result is to be put, namely where the last one lay, or None.

    New memory is slow at first touch, where an allocator takes it from the system every time.
    """
    return last.resize_(n_rows, width) if n_rows * width >= LARGE else None


def _make_pass(layers: Sequence[LinearPass], activation: nn.Module) -> LayerPass | None:
    """Return a chain of layers with an activation between each two."""
    if type(activation) not in WRITTEN:
        return None
    first, *others = layers
    parts: list[LayerPass] = [first]
    for layer in others:
        parts += [ActivationPass(WRITTEN[type(activation)]), layer]
    return Chain(parts)
