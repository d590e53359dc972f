"""Convolutions of one, two and three dimensions with the parameters of a layer."""

from collections.abc import Callable, Sequence
from functools import reduce
from types import EllipsisType

import torch
from torch import Tensor, nn
from torch.nn import functional

from skae.networks._modules import Convolution

Functions = tuple[Callable[..., Tensor], ...]
"""Functions for maps of one, two and three dimensions."""
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
FUNCTIONS: Functions = (functional.conv1d, functional.conv2d, functional.conv3d)
TRANSPOSED: Functions = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)


def convolve(layer: Convolution, maps: Tensor) -> Tensor:
    """Apply a convolution; in float64 channel by channel, since torch unrolls it into copies."""
    if maps.dtype != torch.float64:
        return layer(maps)
    function = FUNCTIONS[maps.ndim - 3]
    padding = layer.kernel_size[0] // 2
    # (n_out, 1, ...), broadcast over maps
    result = layer.bias.view(-1, *[1] * (maps.ndim - 2))
    for channel, weight in zip(maps.split(1, 1), layer.weight.split(1, 1), strict=True):
        result = result + function(channel, weight, padding=padding)
    return result


def neighbour_sums(size: int, n_dims: int) -> Tensor:
    """Return the matrix that sums neighbours in a kernel along every axis, in float64.

    Its shape is (size**n_dims, (size + 1)**n_dims), since summed kernels are larger by one.
    """
    one = torch.eye(size, dtype=torch.float64)
    along_one_axis = functional.pad(one, (0, 1)) + functional.pad(one, (1, 0))
    # for flattened kernels, the sums along several axes are a Kronecker product
    return reduce(torch.kron, [along_one_axis] * n_dims)


def resize_and_convolve(
    layer: Convolution, maps: Tensor, sizes: Sequence[int], sums: Tensor
) -> Tensor:
    """Double every size by repeating each entry, convolve, and cut to the given sizes.

    Odena, Dumoulin and Olah (2016): there are no checkerboards, since all entries of the result are
    computed in the same way. Both steps are one transposed convolution, whose kernel is the layer's
    summed over neighbours. `sums` is `neighbour_sums` of the layer's kernel.
    """
    transposed = TRANSPOSED[maps.ndim - 3]
    size, n_dims = layer.weight.shape[2], maps.ndim - 2
    # (n_out, n_in, size, ...) -> (n_in, n_out, size + 1, ...)
    weight = layer.weight.transpose(0, 1).flatten(2) @ sums
    weight = weight.unflatten(2, (size + 1,) * n_dims)
    maps = transposed(maps, weight, layer.bias, stride=2, padding=size // 2)
    return cropped(maps, sizes)


def cropped(maps: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return the part of maps, shape (n, n_channels, ...), that begins at their first entry."""
    inside: tuple[slice | EllipsisType, ...] = (..., *map(slice, sizes))
    return maps[inside]
