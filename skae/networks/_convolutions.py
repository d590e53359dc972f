"""Convolutions of one, two and three dimensions, with the parameters of a given layer."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

FUNCTIONS: Any = (functional.conv1d, functional.conv2d, functional.conv3d)
TRANSPOSED: Any = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)


def convolve(layer: Any, maps: Tensor) -> Tensor:
    """Apply a convolution, in float64 by channels: torch unrolls it there, which takes memory."""
    if maps.dtype != torch.float64:
        return layer(maps)
    function = FUNCTIONS[maps.ndim - 3]
    padding = layer.kernel_size[0] // 2
    result = layer.bias.view(-1, *[1] * (maps.ndim - 2))
    for channel, weight in zip(maps.split(1, 1), layer.weight.split(1, 1), strict=True):
        result = result + function(channel, weight, padding=padding)
    return result


def resize_and_convolve(layer: Any, maps: Tensor, sizes: Sequence[int]) -> Tensor:
    """Double every size by repeating each entry, convolve, and cut to the given sizes.

    Odena, Dumoulin and Olah (2016): no checkerboards, since every entry of the result is made in
    the same way. Both steps are one transposed convolution, whose kernel is the layer's summed over
    neighbours.
    """
    transposed = TRANSPOSED[maps.ndim - 3]
    size = layer.weight.shape[2]
    weight = layer.weight.transpose(0, 1)  # (n_in, n_out, size, ...)
    for axis in range(2, weight.ndim):
        gap = torch.zeros_like(weight.narrow(axis, 0, 1))
        weight = torch.cat([weight, gap], axis) + torch.cat([gap, weight], axis)
    maps = transposed(maps, weight, layer.bias, stride=2, padding=size // 2)
    inside: Any = (..., *map(slice, sizes))
    return maps[inside]
