"""AdamW for parameters as one vector, without the bookkeeping of torch's optimisers."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from skae.engine._checkpoint import StateDict


class FlatParameters:
    """A network's parameters as views of one vector, and their gradients as views of another.

    An optimiser of one vector spends its time on arithmetic, whatever the number of layers.

    Parameters
    ----------
    network : nn.Module
        Its parameters, all of one dtype and on one device, become views of the vector.

    Attributes
    ----------
    values : Tensor of shape (n_parameters,)
        Matrices first, then vectors. Its `grad` is `gradients`.
    gradients : Tensor of shape (n_parameters,)
        Autograd adds to it.
    matrices : Tensor of shape (n_matrix_entries,)
        A view of the first part of `values`.
    """

    def __init__(self, network: nn.Module) -> None:
        parameters = sorted(network.parameters(), key=lambda parameter: parameter.ndim < 2)
        sizes = [parameter.numel() for parameter in parameters]
        self.values = torch.cat([parameter.detach().flatten() for parameter in parameters])
        self.values.grad = self.gradients = torch.zeros_like(self.values)
        self.matrices = self.values[: sum(p.numel() for p in parameters if p.ndim > 1)]
        views = zip(self.values.split(sizes), self.gradients.split(sizes), strict=True)
        for parameter, (value, gradient) in zip(parameters, views, strict=True):
            # the modules keep their parameters, which now share the vector's memory
            parameter.data = value.view_as(parameter)
            parameter.grad = gradient.view_as(parameter)


class _Part(NamedTuple):
    """Some of the parameters, their gradients, and Adam's moments of these.

    Attributes
    ----------
    values, gradients, first_moment, second_moment : Tensor of shape (n,)
    n_updates : Tensor of shape ()
    is_decayed : bool
    """

    values: Tensor
    gradients: Tensor
    first_moment: Tensor
    second_moment: Tensor
    n_updates: Tensor
    is_decayed: bool


class AdamW:
    """Adam with decoupled weight decay of matrices (Loshchilov and Hutter 2019).

    Parameters
    ----------
    parameters : FlatParameters
    has_decay : bool
        Whether weights will ever be decayed.
    """

    def __init__(self, parameters: FlatParameters, has_decay: bool) -> None:
        values = parameters.values
        tensors = values, parameters.gradients, torch.zeros_like(values), torch.zeros_like(values)
        # matrices lie first in the vector, and only they decay
        n_decayed = len(parameters.matrices) if has_decay else 0
        slices = zip(*(tensor.tensor_split([n_decayed]) for tensor in tensors), strict=True)
        self._parts = [
            _Part(
                values=part[0],
                gradients=part[1],
                first_moment=part[2],
                second_moment=part[3],
                n_updates=torch.zeros((), dtype=torch.float32, device=values.device),
                is_decayed=is_decayed,
            )
            for part, is_decayed in zip(slices, (True, False), strict=True)
            if len(part[0]) > 0
        ]

    def state_dict(self) -> StateDict:
        """Return moments and numbers of updates, which are not copied."""
        return {"parts": [[*part[2:5]] for part in self._parts]}

    def load_state_dict(self, state: StateDict) -> None:
        """Set moments and numbers of updates to those that `state_dict` returned."""
        for part, values in zip(self._parts, state["parts"], strict=True):
            for tensor, value in zip(part[2:5], values, strict=True):
                tensor.copy_(value)

    def descend(self, learning_rate: float, decay: float) -> None:
        """Take a step; before it, matrices are multiplied by ``1 - decay``.

        Call it under `torch.no_grad`.
        """
        for part in self._parts:
            part.n_updates.add_(1)
            # the kernel behind torch.optim.AdamW, whose own time is several times the kernel's
            torch.ops.aten._fused_adamw_(
                [part.values],
                [part.gradients],
                [part.first_moment],
                [part.second_moment],
                [],
                [part.n_updates],
                lr=learning_rate,
                beta1=0.9,
                beta2=0.999,
                # the kernel multiplies by 1 - lr * weight_decay
                weight_decay=decay / learning_rate if part.is_decayed and decay > 0 else 0.0,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )
