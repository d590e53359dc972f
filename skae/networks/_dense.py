"""Fully connected networks, and the mirror image of one with the same weights."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils import skip_init

from skae.networks._dense_pass import LinearPass, dense_pass
from skae.networks._modules import gradient_of, module_list
from skae.networks._pass import LayerPass


def _draw(layer: nn.Linear, generator: Generator) -> None:
    """Set the weights to a normal draw of variance 1 / fan-in (LeCun et al. 1998), the bias to 0.

    Inputs of unit variance then give pre-activations of unit variance.
    """
    with torch.no_grad():
        layer.weight.normal_(0.0, layer.in_features**-0.5, generator=generator)
        layer.bias.zero_()


def keep_outputs_(layer: nn.Linear, places: Tensor) -> None:
    """Drop the outputs of a layer that are not in `places`."""
    layer.weight = nn.Parameter(layer.weight.detach()[places], layer.weight.requires_grad)
    layer.bias = nn.Parameter(layer.bias.detach()[places], layer.bias.requires_grad)
    layer.out_features = len(places)


def keep_inputs_(layer: nn.Linear, places: Tensor) -> None:
    """Drop the inputs of a layer that are not in `places`."""
    layer.weight = nn.Parameter(layer.weight.detach()[:, places], layer.weight.requires_grad)
    layer.in_features = len(places)


class Dense(nn.Module):
    """Linear layers with activations between them. In float64.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of every hidden layer and of the output.
    activation : callable
        Makes an activation module.
    generator : torch.Generator
        Draws the weights; torch's global generator is left alone.
    """

    layers: Sequence[nn.Linear]

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[], nn.Module],
        generator: Generator,
    ) -> None:
        super().__init__()
        # skip_init: a layer's own constructor would draw from the global generator
        self.layers = module_list(
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

    def keep_outputs_(self, places: Tensor) -> None:
        """Drop the outputs that are not in `places`."""
        keep_outputs_(self.layers[-1], places)

    def keep_inputs_(self, places: Tensor) -> None:
        """Drop the inputs that are not in `places`: the network takes them for zero."""
        keep_inputs_(self.layers[0], places)

    def make_pass(self) -> LayerPass | None:
        """Return the pass through all layers, or None if the activation's derivative is unknown."""
        layers = [
            LinearPass(layer.weight, gradient_of(layer.weight), layer.bias, gradient_of(layer.bias))
            for layer in self.layers
        ]
        return dense_pass(layers, self.activation)


class Mirrored(nn.Module):
    """A `Dense` network run backwards, with its transposed weights and other biases.

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
        """Return the pass through all layers, or None if the activation's derivative is unknown."""
        layers = [
            LinearPass(layer.weight.T, gradient_of(layer.weight).T, bias, gradient_of(bias))
            for layer, bias in zip(reversed(self.network.layers), self.biases, strict=True)
        ]
        return dense_pass(layers, self.network.activation)
