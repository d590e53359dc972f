"""Activation functions by the names users give them, and their derivatives.

Each maps 0 to 0: a network whose last layer is zero, and the mirror image of such a network,
then both return exactly zero, which is what lets an estimator start at its linear optimum.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

Derivative = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps the gradient of an output, the input and the output to the gradient of the input."""

_aten = torch.ops.aten


class Activation(NamedTuple):
    """A function of every entry.

    Attributes
    ----------
    module : type of nn.Module
        Makes the function.
    backward : callable
    """

    module: type[nn.Module]
    backward: Derivative


_ACTIVATIONS = {
    "silu": Activation(nn.SiLU, lambda g, x, y: _aten.silu_backward(g, x)),
    "relu": Activation(nn.ReLU, lambda g, x, y: _aten.threshold_backward(g, y, 0)),
    "gelu": Activation(nn.GELU, lambda g, x, y: _aten.gelu_backward(g, x)),
    "elu": Activation(nn.ELU, lambda g, x, y: _aten.elu_backward(g, 1.0, 1.0, 1.0, False, x)),
    "tanh": Activation(nn.Tanh, lambda g, x, y: _aten.tanh_backward(g, y)),
    "leaky_relu": Activation(
        nn.LeakyReLU, lambda g, x, y: _aten.leaky_relu_backward(g, x, 0.01, False)
    ),
    "identity": Activation(nn.Identity, lambda g, x, y: g),
}
ACTIVATIONS: dict[str, type[nn.Module]] = {
    name: activation.module for name, activation in _ACTIVATIONS.items()
}
DERIVATIVES: dict[type[nn.Module], Derivative] = dict(_ACTIVATIONS.values())
