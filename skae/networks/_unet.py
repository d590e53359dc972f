"""Networks from images to images of the same size, around a fixed linear filter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from skae.networks._architecture import Architecture
from skae.networks._convolutions import (
    CONVOLUTIONS,
    FUNCTIONS,
    cropped,
    neighbour_sums,
    resize_and_convolve,
)
from skae.networks._modules import Convolution, module_list

KERNEL_SIZE = 3
MAX_DEPTH = 30
MAX_UNROLLED = 2**25
"""Largest number of entries in float64 of the copies that a convolution makes of its input."""


class ImageOutputs(NamedTuple):
    """The outputs of a network for a batch of images.

    Attributes
    ----------
    raw : Tensor of shape (n, n_channels, *sizes)
    """

    raw: Tensor


class Block(nn.Module):
    """Two convolutions, of which the first may also see the encoder's maps of the same size.

    Parameters
    ----------
    n_dims : int
        2 for images, 3 for volumes.
    n_in, n_out : int
        Channels.
    generator : torch.Generator
    """

    def __init__(self, n_dims: int, n_in: int, n_out: int, generator: Generator) -> None:
        super().__init__()
        self.first = _convolution(n_dims, n_in, n_out, generator)
        self.second = _convolution(n_dims, n_out, n_out, generator)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same size."""
        maps = functional.relu(_convolve(self.first, maps))
        return functional.relu(_convolve(self.second, maps))


class UNet(nn.Module):
    """Halves the sizes `depth` times and doubles them again (Ronneberger et al. 2015).

    If it is folded, the first halving puts neighbours into channels, four in images, and the last
    doubling takes them out again (Shi et al. 2016): there are no convolutions at full size, which
    cost most.

    There is no normalisation. Over a batch, an image's result would depend on the other images, and
    over an image, the result for a patch would depend on the size of the image around it. In
    float64.

    Parameters
    ----------
    plan : UNetArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    downs: Sequence[Convolution]
    encoders: Sequence[Block]
    ups: Sequence[Convolution]
    decoders: Sequence[Block]
    sums: Tensor

    def __init__(self, plan: "UNetArchitecture", generator: Generator) -> None:
        super().__init__()
        self.has_skips = plan.has_skips
        self.fold = plan.fold
        n_dims, (n_in, *widths) = plan.n_dims, plan.sizes
        self.input = Block(n_dims, n_in, widths[0], generator)
        steps = list(pairwise(widths))
        self.downs = module_list(_halving(n_dims, n, generator) for n, _ in steps)
        self.encoders = module_list(Block(n_dims, n, m, generator) for n, m in steps)
        self.ups = module_list(_convolution(n_dims, m, n, generator) for n, m in steps[::-1])
        n_seen = 2 if plan.has_skips else 1
        self.decoders = module_list(Block(n_dims, n_seen * n, n, generator) for n, _ in steps[::-1])
        n_out = plan.n_channels_out * plan.fold**n_dims
        self.output = _convolution(n_dims, widths[0], n_out, generator)
        sums = neighbour_sums(KERNEL_SIZE, n_dims)
        self.register_buffer("sums", sums, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return images of the same size; sizes that cannot be halved are padded, and cut."""
        sizes = x.shape[2:]
        multiple = self.fold * 2 ** len(self.downs)
        # at the end only, so that the grid of halved maps begins where the image does
        margins = [margin for size in reversed(sizes) for margin in (0, -size % multiple)]
        x = _neighbours_as_channels(functional.pad(x, margins, mode="reflect"), self.fold)
        if x.dtype != torch.float64 and x.ndim == 4:
            # with few channels, convolutions are faster if channels are innermost in memory
            x = x.contiguous(memory_format=torch.channels_last)
        maps = self.input(x)
        skips = []
        for down, encoder in zip(self.downs, self.encoders, strict=True):
            skips.append(maps)  # the decoder needs their sizes, and perhaps themselves
            maps = encoder(down(maps))
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            skip = skips.pop()
            maps = functional.relu(resize_and_convolve(up, maps, skip.shape[2:], self.sums))
            maps = decoder(torch.cat([maps, skip], 1) if self.has_skips else maps)
        return cropped(_channels_as_neighbours(_convolve(self.output, maps), self.fold), sizes)

    def zero_output_(self) -> None:
        """Set the last layer to zero."""
        nn.init.zeros_(self.output.weight)


class SideBySide(nn.Module):
    """A U-Net for every output channel. All see the same input, and share no weights.

    Parameters
    ----------
    plan : UNetArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    networks: Sequence[UNet]

    def __init__(self, plan: "UNetArchitecture", generator: Generator) -> None:
        super().__init__()
        single = replace(plan, n_channels_out=1, is_per_channel=False)
        self.networks = module_list(UNet(single, generator) for _ in range(plan.n_channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return images of the same size."""
        return torch.cat([network(x) for network in self.networks], 1)

    def zero_output_(self) -> None:
        """Set the last layers to zero."""
        for network in self.networks:
            network.zero_output_()


class AroundFilter(nn.Module):
    """``filter(x) + scale * network(x)`` with a fixed filter.

    The filter is linear: one kernel for all places, and a bias. The network starts at zero and
    learns corrections, in units of `scale`, the error of the filter.

    Parameters
    ----------
    plan : UNetArchitecture
    network : nn.Module
        Maps (n, n_channels_in, *sizes) to (n, n_channels_out, *sizes).
    """

    outputs = ImageOutputs
    kernel: Tensor
    bias: Tensor
    scale: Tensor

    def __init__(self, plan: "UNetArchitecture", network: nn.Module) -> None:
        super().__init__()
        n_in, n_out, sizes = plan.n_channels_in, plan.n_channels_out, plan.kernel_sizes
        self.register_buffer("kernel", torch.zeros(n_out, n_in, *sizes, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(n_out, dtype=torch.float64))
        ones = torch.ones(n_out, *[1] * plan.n_dims, dtype=torch.float64)
        self.register_buffer("scale", ones)
        self.network = network

    def set_filter_(self, kernel: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the fixed part, and the unit of corrections of every channel."""
        self.kernel.copy_(kernel)
        self.bias.copy_(bias)
        self.scale.copy_(scale.view(self.scale.shape))

    def forward(self, x: Tensor) -> ImageOutputs:
        """Return the sum of both parts."""
        # the filter is not rounded, even if networks work in half precision
        with torch.autocast(x.device.type, enabled=False):
            filtered = self.filter(x.to(self.kernel.dtype))
        correction = self.network(x).to(filtered.dtype)
        return ImageOutputs(torch.addcmul(filtered, self.scale, correction))

    def filter(self, x: Tensor) -> Tensor:
        """Return the fixed part alone; images are padded by reflection."""
        margin = self.kernel.shape[-1] // 2
        n_dims = x.ndim - 2
        x = functional.pad(x, (margin,) * 2 * n_dims, mode="reflect") if margin else x
        return FUNCTIONS[n_dims - 1](x, self.kernel, self.bias)


class Unfiltered(nn.Module):
    """A network without a fixed filter.

    Parameters
    ----------
    network : nn.Module
    """

    outputs = ImageOutputs

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> ImageOutputs:
        """Return images."""
        return ImageOutputs(self.network(x))


def _convolve(layer: Convolution, maps: Tensor) -> Tensor:
    """Apply a convolution; in float64 by groups of channels, if all at once need much memory.

    In float64, torch unrolls convolutions: every entry is copied to all places of the kernel.
    """
    n_dims = maps.ndim - 2
    n_channels = max(1, MAX_UNROLLED // max(1, maps[:, 0].numel() * KERNEL_SIZE**n_dims))
    if maps.dtype != torch.float64 or n_channels >= maps.shape[1]:
        return layer(maps)
    result = layer.bias.view(-1, *[1] * n_dims)  # (n_out, 1, ...), broadcast over maps
    convolve = FUNCTIONS[n_dims - 1]
    groups = maps.split(n_channels, 1), layer.weight.split(n_channels, 1)
    for channels, weight in zip(*groups, strict=True):
        result = result + convolve(channels, weight, padding=layer.padding)
    return result


def _convolution(n_dims: int, n_in: int, n_out: int, generator: Generator) -> Convolution:
    kind = CONVOLUTIONS[n_dims - 1]
    padding = KERNEL_SIZE // 2
    layer: Convolution = skip_init(
        kind, n_in, n_out, KERNEL_SIZE, padding=padding, dtype=torch.float64
    )
    return _draw(layer, generator)


def _halving(n_dims: int, n_channels: int, generator: Generator) -> Convolution:
    kind = CONVOLUTIONS[n_dims - 1]
    layer: Convolution = skip_init(kind, n_channels, n_channels, 2, stride=2, dtype=torch.float64)
    return _draw(layer, generator)


def _neighbours_as_channels(maps: Tensor, fold: int) -> Tensor:
    """Return the entries of every square or cube with sides of `fold` pixels as channels."""
    n_dims = maps.ndim - 2
    sides = [side for size in maps.shape[2:] for side in (size // fold, fold)]
    # every size becomes two axes: of squares, and of pixels in a square
    maps = maps.reshape(*maps.shape[:2], *sides)
    outer, inner = range(2, 2 + 2 * n_dims, 2), range(3, 3 + 2 * n_dims, 2)
    return maps.permute(0, 1, *inner, *outer).flatten(1, 1 + n_dims)


def _channels_as_neighbours(maps: Tensor, fold: int) -> Tensor:
    """Invert `_neighbours_as_channels`."""
    n_dims = maps.ndim - 2
    sizes = [fold * size for size in maps.shape[2:]]
    maps = maps.unflatten(1, (-1, *[fold] * n_dims))
    pairs = [axis for i in range(n_dims) for axis in (2 + n_dims + i, 2 + i)]
    return maps.permute(0, 1, *pairs).reshape(*maps.shape[:2], *sizes)


def _draw(layer: Convolution, generator: Generator) -> Convolution:
    """Set the weights to a normal draw of variance 2 / fan-in, the bias to 0 (He et al. 2015)."""
    with torch.no_grad():
        layer.weight.normal_(0.0, (2 / layer.weight[0].numel()) ** 0.5, generator=generator)
        layer.bias.zero_()
    return layer


@dataclass(frozen=True)
class UNetArchitecture(Architecture):
    """The plan of a network from images to images.

    Attributes
    ----------
    n_channels_in, n_channels_out : int
    base_channels : int
        Number of channels at full size, which doubles when sizes are halved.
    depth : int
        Number of times that sizes are halved.
    is_folded : bool
        Whether the first halving is done without a convolution; needs a depth of at least 1.
    has_skips : bool
        Whether the decoder sees the encoder's maps of the same size.
    filter_size : int
        Size of the filter's kernel, an odd number. 0: there is no filter.
    is_per_channel : bool
        Whether there is a network for every output channel.
    n_dims : int
        2 for images, 3 for volumes.
    """

    n_channels_in: int
    n_channels_out: int
    base_channels: int
    depth: int
    is_folded: bool
    has_skips: bool
    filter_size: int
    is_per_channel: bool = False
    n_dims: int = 2

    def __post_init__(self) -> None:
        # channels double with each halving: forged files could ask for huge numbers
        if not 0 <= self.depth <= MAX_DEPTH:
            raise ValueError(f"depth must be in [0, {MAX_DEPTH}]. Got {self.depth}.")
        if self.n_dims not in (2, 3):
            raise ValueError(f"n_dims must be 2 or 3. Got {self.n_dims}.")

    @property
    def fold(self) -> int:
        """Side of the squares of pixels that become channels."""
        return 2 if self.is_folded else 1

    @property
    def kernel_sizes(self) -> tuple[int, ...]:
        """Sizes of the filter's kernel."""
        return (self.filter_size,) * self.n_dims

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of channels, from the image to the smallest maps."""
        levels = range(int(self.is_folded), self.depth + 1)
        widths = (self.base_channels * 2**level for level in levels)
        return (self.n_channels_in * self.fold**self.n_dims, *widths)

    @property
    def n_weights(self) -> int:
        """Least number of weights of the network, if no size is 0."""
        n_in, n_out, n_dims = self.n_channels_in, self.n_channels_out, self.n_dims
        n_last = self.sizes[1] * n_out * self.fold**n_dims
        n_kernels = sum(n * m for n, m in pairwise(self.sizes)) + n_last
        return n_kernels * KERNEL_SIZE**n_dims + n_in * n_out * self.filter_size**n_dims

    @property
    def entries_per_batch(self) -> int:
        """More than for dense layers: starting a convolution takes long."""
        return 2**20

    @property
    def n_unrolled(self) -> int:
        """Number of copies of its input that a layer makes in float64 to unroll a convolution."""
        return max(KERNEL_SIZE, self.filter_size) ** self.n_dims

    @property
    def entries_per_pixel(self) -> int:
        """Number of entries of the widest maps for each pixel of an image."""
        n_inside = 2 * self.base_channels // self.fold
        return max(self.n_channels_in, self.n_channels_out, n_inside)

    def build(self, generator: Generator) -> AroundFilter | Unfiltered:
        """Return the network in float64; with a filter, both are zero."""
        network = (SideBySide if self.is_per_channel else UNet)(self, generator)
        if not self.filter_size:
            return Unfiltered(network)
        network.zero_output_()
        return AroundFilter(self, network)
