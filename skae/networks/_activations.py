"""Activation functions, by the names of the estimators' parameter, and their derivatives.

Each maps 0 to 0. A network whose last layer is zero, and the mirror image of such a network, then
both return exactly zero, so that an estimator can start at its linear optimum.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

_aten = torch.ops.aten


class Activation(NamedTuple):
    """A function of every entry, and its derivative.

    Attributes
    ----------
    forward : callable
        Maps the input to the output.
    backward : callable
        Maps the gradient of the output, the input and the output to the gradient of the input,
        which is written over the gradient of the output.
    """

    forward: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor], Tensor]


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
    "identity": nn.Identity,
}

WRITTEN: dict[type[nn.Module], Activation] = {
    nn.SiLU: Activation(
        _aten.silu, lambda g, x, y: _aten.silu_backward.grad_input(g, x, grad_input=g)
    ),
    nn.ReLU: Activation(
        torch.relu, lambda g, x, y: _aten.threshold_backward.grad_input(g, y, 0, grad_input=g)
    ),
    nn.GELU: Activation(
        _aten.gelu, lambda g, x, y: _aten.gelu_backward.grad_input(g, x, grad_input=g)
    ),
    nn.ELU: Activation(
        _aten.elu,
        lambda g, x, y: _aten.elu_backward.grad_input(g, 1.0, 1.0, 1.0, False, x, grad_input=g),
    ),
    nn.Tanh: Activation(
        torch.tanh, lambda g, x, y: _aten.tanh_backward.grad_input(g, y, grad_input=g)
    ),
    nn.LeakyReLU: Activation(
        _aten.leaky_relu,
        lambda g, x, y: _aten.leaky_relu_backward.grad_input(g, x, 0.01, False, grad_input=g),
    ),
    nn.Identity: Activation(lambda x: x, lambda g, x, y: g),
}
"""Derivatives of modules with default parameters."""


def find_written(module: nn.Module) -> Activation | None:
    """Return the function of a module and its derivative, or None if they are not in `WRITTEN`."""
    kind = type(module)
    # repr has the parameters: other ones than the default have other derivatives
    is_known = kind in WRITTEN and repr(module) == repr(kind())
    return WRITTEN[kind] if is_known else None
