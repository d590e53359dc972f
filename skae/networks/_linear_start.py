"""Fixed affine maps, which are a linear optimum, and networks that learn corrections of them."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from skae.networks._pass import LayerPass, make_pass


class CorrectedAffine(nn.Module, ABC):
    """``affine(x) + scale * network(...)`` with a fixed ``affine(x) = weight @ x + bias``.

    The affine part is a linear optimum. The network starts at zero and learns corrections, in units
    of `scale`, the error of the linear optimum. A step of the optimiser then changes the output by
    about the same share of the *remaining* error, whether that error is half of the variance or a
    millionth of it.

    Parameters
    ----------
    n_in, n_out : int
    network : nn.Module
    """

    weight: Tensor
    bias: Tensor
    scale: Tensor
    network: Any  # a module with methods of its own, such as keep_outputs_

    def __init__(self, n_in: int, n_out: int, network: nn.Module) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_out, n_in, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(n_out, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(n_out, dtype=torch.float64))
        self.network = network

    def set_affine_(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the fixed part and the unit of corrections."""
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        self.scale.copy_(scale)

    def keep_outputs_(self, places: Tensor) -> None:
        """Drop the outputs that are not in `places`."""
        self.weight, self.bias = self.weight[places], self.bias[places]
        self.scale = self.scale[places]
        self.network.keep_outputs_(places)

    def keep_inputs_(self, places: Tensor) -> None:
        """Drop the inputs that are not in `places`: the map takes them for zero."""
        self.weight = self.weight[:, places]
        self.network.keep_inputs_(places)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both parts, shape (n, n_out)."""
        # the linear optimum is not rounded, even if networks work in half precision
        with torch.autocast(self.weight.device.type, enabled=False):
            affine = self.linear(x.to(self.weight.dtype))
        return torch.addcmul(affine, self.scale, self._correct(x, affine).to(affine.dtype))

    def linear(self, x: Tensor) -> Tensor:
        """Return the fixed part alone, shape (n, n_out)."""
        return linear(x, self.weight, self.bias)

    @abstractmethod
    def _correct(self, x: Tensor, affine: Tensor) -> Tensor:
        """Return the network's correction, in units of `scale`."""


class AroundLinear(CorrectedAffine):
    """``affine(x) + scale * network(x)``; the network maps (n, n_in) to (n, n_out)."""

    def _correct(self, x: Tensor, affine: Tensor) -> Tensor:
        return self.network(x)

    def affine(self) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the sum of both parts, if the network has a single layer."""
        (layer,) = self.network.layers
        weight = self.weight + self.scale[:, None] * layer.weight
        return weight.detach(), (self.bias + self.scale * layer.bias).detach()

    def make_pass(self) -> LayerPass | None:
        """Return the pass through both parts, or None if the network has none."""
        inner = make_pass(self.network)
        return None if inner is None else AroundLinearPass(self, inner)


class AroundLinearPass(LayerPass):
    """Forward and backward through `AroundLinear`.

    Parameters
    ----------
    module : AroundLinear
    inner : LayerPass
        The pass through its network.
    """

    def __init__(self, module: AroundLinear, inner: LayerPass) -> None:
        self.weight, self.bias, self.scale = module.weight, module.bias, module.scale
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both parts, shape (n, n_out)."""
        affine = linear(x, self.weight, self.bias)
        # in place: a new tensor of this size would take longer than the sum
        return affine.addcmul_(self.scale, self.inner.forward(x))

    def backward(self, gradient: Tensor) -> None:
        """Backpropagate through the network; the affine part is fixed."""
        self.gradient = gradient
        self.inner.backward(gradient * self.scale)

    def input_gradient(self) -> Tensor:
        """Return the gradient of the input, shape (n, n_in)."""
        return torch.addmm(self.inner.input_gradient(), self.gradient, self.weight)


class RefinedLinear(CorrectedAffine):
    """``affine(x) + scale * network(x, affine(x))``: the network sees the rows that it corrects."""

    def _correct(self, x: Tensor, affine: Tensor) -> Tensor:
        return self.network(x, affine)
