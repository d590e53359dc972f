"""All parameters of a network in one tensor."""

import torch
from torch import nn


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
