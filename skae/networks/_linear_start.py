"""A fixed affine map with a network around it: the linear optimum and what is learnt beyond it."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from skae.networks._pass import LayerPass, make_pass


class CorrectedAffine(nn.Module, ABC):
    """``affine(x) + scale * network(...)`` with ``affine(x) = weight @ x + bias``, which is fixed.

    The affine part is a linear optimum. The network starts at zero and learns the rest,
    measured in `scale`: what the linear optimum leaves over. A step of the optimiser then
    changes the output by about the same share of the *remaining* error, be that error half
    of the variance or a millionth of it.

    Parameters
    ----------
    n_in, n_out : int
    network : nn.Module
    """

    weight: Tensor
    bias: Tensor
    scale: Tensor
    network: Any

    def __init__(self, n_in: int, n_out: int, network: nn.Module) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_out, n_in, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(n_out, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(n_out, dtype=torch.float64))
        self.network = network

    def set_affine_(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the fixed part and the unit of what is learnt."""
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        self.scale.copy_(scale)

    def keep_outputs_(self, places: Tensor) -> None:
        """Keep some of the outputs."""
        self.weight, self.bias = self.weight[places], self.bias[places]
        self.scale = self.scale[places]
        self.network.keep_outputs_(places)

    def keep_inputs_(self, places: Tensor) -> None:
        """Keep some of the inputs: what the map does where the others are zero."""
        self.weight = self.weight[:, places]
        self.network.keep_inputs_(places)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both parts, shape (n, n_out)."""
        # the linear optimum is not to be rounded where networks work in half precision
        with torch.autocast(self.weight.device.type, enabled=False):
            affine = self.linear(x.to(self.weight.dtype))
        return torch.addcmul(affine, self.scale, self._correct(x, affine).to(affine.dtype))

    def linear(self, x: Tensor) -> Tensor:
        """Return the fixed part alone, shape (n, n_out)."""
        return linear(x, self.weight, self.bias)

    @abstractmethod
    def _correct(self, x: Tensor, affine: Tensor) -> Tensor:
        """Return what the network adds, in `scale`."""


class AroundLinear(CorrectedAffine):
    """``affine(x) + scale * network(x)``; the network maps (n, n_in) to (n, n_out)."""

    def _correct(self, x: Tensor, affine: Tensor) -> Tensor:
        return self.network(x)

    def affine(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the sum of both parts, for a network of a single layer."""
        (layer,) = self.network.layers
        weight = self.weight + self.scale[:, None] * layer.weight
        return weight.detach(), (self.bias + self.scale * layer.bias).detach()

    def make_pass(self) -> LayerPass | None:
        """Return forward and backward, if the network has them."""
        inner = make_pass(self.network)
        return None if inner is None else AroundLinearPass(self, inner)


class AroundLinearPass(LayerPass):
    """Forward and backward through `AroundLinear`.

    Parameters
    ----------
    module : AroundLinear
    inner : LayerPass
        Of its network.
    """

    def __init__(self, module: AroundLinear, inner: LayerPass) -> None:
        self.weight, self.bias, self.scale = module.weight, module.bias, module.scale
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both parts, shape (n, n_out)."""
        affine = linear(x, self.weight, self.bias)
        return affine.addcmul_(self.scale, self.inner.forward(x))

    def backward(self, gradient: Tensor) -> None:
        """Go back through the network; the affine part is fixed."""
        self.gradient = gradient
        self.inner.backward(gradient * self.scale)

    def input_gradient(self) -> Tensor:
        """Return the gradient of the input, shape (n, n_in)."""
        return torch.addmm(self.inner.input_gradient(), self.gradient, self.weight)


class RefinedLinear(CorrectedAffine):
    """``affine(x) + scale * network(x, affine(x))``: the network sees what it adds to."""

    def _correct(self, x: Tensor, affine: Tensor) -> Tensor:
        return self.network(x, affine)
