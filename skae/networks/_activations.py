"""Activation functions by the names users give them.

Each maps 0 to 0: a network whose last layer is zero, and the mirror image of such a network,
then both return exactly zero, which is what lets an estimator start at its linear optimum.
"""

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
    "identity": nn.Identity,
}
