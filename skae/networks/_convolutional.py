"""Convolutional autoencoders of signals, images and volumes; rows come and go flattened."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, prod
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from skae.networks._activations import ACTIVATIONS
from skae.networks._autoencoder import Autoencoder
from skae.networks._linear_start import AroundLinear, RefinedLinear

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
FUNCTIONS: Any = (functional.conv1d, functional.conv2d, functional.conv3d)
TRANSPOSED: Any = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
MAX_POOLS: Any = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
AVERAGE_POOLS: Any = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
POOLINGS = ("stride", "max", "average")


class ImageLayout(NamedTuple):
    """How the numbers of a row make an image.

    Attributes
    ----------
    shape : tuple of int
        Channels and one to three spatial sizes, in the order of the row.
    is_channels_last : bool
    """

    shape: tuple[int, ...]
    is_channels_last: bool

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.shape[-1] if self.is_channels_last else self.shape[0]

    @property
    def spatial(self) -> tuple[int, ...]:
        """Sizes of the other axes."""
        return self.shape[:-1] if self.is_channels_last else self.shape[1:]

    def unflatten(self, x: Tensor) -> Tensor:
        """Return rows as maps, shape (n, n_channels, ...)."""
        if not self.is_channels_last:
            x = _interleave(x.unflatten(1, self.shape))
        return _as_maps(x, self.spatial)

    def flatten(self, maps: Tensor) -> Tensor:
        """Return maps of shape (n, n_channels, ...) as rows."""
        return _interleave(maps) if self.is_channels_last else maps.flatten(1)


def _interleave(maps: Tensor) -> Tensor:
    """Return maps of shape (n, n_channels, ...) as rows in which channels change fastest."""
    return maps.movedim(1, -1).flatten(1)


def _as_maps(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return such rows as maps again; for convolutions, the faster order in memory."""
    return x.unflatten(1, (*sizes, -1)).movedim(-1, 1)


class ConvEncoder(nn.Module):
    """Convolutions that halve every size, and a linear layer. In float64.

    Parameters
    ----------
    plan : ConvArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    layers: Any

    def __init__(self, plan: "ConvArchitecture", generator: Generator) -> None:
        super().__init__()
        self.layout = plan.layout
        self.pooling = plan.pooling
        self.activation = ACTIVATIONS[plan.activation]()
        stride = 2 if plan.pooling == "stride" else 1
        channels = plan.layout.n_channels, *plan.hidden_channels
        self.layers = nn.ModuleList(
            _convolution(plan, n_in, n_out, generator, stride) for n_in, n_out in pairwise(channels)
        )
        self.output = _linear(channels[-1] * prod(plan.map_sizes[-1]), plan.n_components, generator)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return the feature maps of every layer, each of shape (n, n_channels, ...)."""
        maps = [self.layout.unflatten(x)]
        for layer in self.layers:
            maps.append(self._pool(self.activation(layer(maps[-1]))))
        return maps[1:]

    def forward(self, x: Tensor) -> Tensor:
        """Return the code of rows, shape (n, n_components)."""
        return self.output(_interleave(self.maps(x)[-1]))

    def _pool(self, maps: Tensor) -> Tensor:
        if self.pooling == "stride":
            return maps
        pools = MAX_POOLS if self.pooling == "max" else AVERAGE_POOLS
        # the last entry of an odd size is pooled by itself
        return pools[maps.ndim - 3](maps, 2, ceil_mode=True)


class ConvDecoder(nn.Module):
    """A linear layer, and convolutions that double every size. In float64.

    The last convolution also sees what it is to refine: an image that is linear in the code.

    Parameters
    ----------
    plan : ConvArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    layers: Any

    def __init__(self, plan: "ConvArchitecture", generator: Generator) -> None:
        super().__init__()
        self.layout = plan.layout
        self.map_sizes = plan.map_sizes
        self.activation = ACTIVATIONS[plan.activation]()
        n_image = plan.layout.n_channels
        n_deepest = plan.hidden_channels[-1]
        # half the first width at full size, where a channel costs most
        channels = *plan.hidden_channels[::-1], max(1, plan.hidden_channels[0] // 2)
        self.input = _linear(plan.n_components, n_deepest * prod(plan.map_sizes[-1]), generator)
        self.layers = nn.ModuleList(
            _convolution(plan, n_in, n_out, generator) for n_in, n_out in pairwise(channels)
        )
        n_seen = channels[-1] + (n_image if plan.linear_start else 0)
        self.output = _convolution(plan, n_seen, n_image, generator)

    def forward(self, code: Tensor, linear: Tensor | None = None) -> Tensor:
        """Return rows; `linear` are those that are to be refined."""
        maps = self.activation(_as_maps(self.input(code), self.map_sizes[-1]))
        for layer, sizes in zip(self.layers, self.map_sizes[-2::-1], strict=True):
            maps = self.activation(_resize_and_convolve(maps, layer, sizes))
        if linear is not None:
            maps = torch.cat([maps, self.layout.unflatten(linear)], 1)
        return self.layout.flatten(_convolve(self.output, maps))


def _convolve(layer: Any, maps: Tensor) -> Tensor:
    """Apply a convolution, in float64 by channels: torch unrolls it there, which takes memory."""
    if maps.dtype != torch.float64:
        return layer(maps)
    convolve = FUNCTIONS[maps.ndim - 3]
    padding = layer.kernel_size[0] // 2
    result = layer.bias.view(-1, *[1] * (maps.ndim - 2))
    for channel, weight in zip(maps.split(1, 1), layer.weight.split(1, 1), strict=True):
        result = result + convolve(channel, weight, padding=padding)
    return result


def _resize_and_convolve(maps: Tensor, layer: Any, sizes: Sequence[int]) -> Tensor:
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


def _convolution(
    plan: "ConvArchitecture", n_in: int, n_out: int, generator: Generator, stride: int = 1
) -> Any:
    kind: Any = CONVOLUTIONS[len(plan.layout.spatial) - 1]
    size = plan.kernel_size
    layer = skip_init(
        kind, n_in, n_out, size, stride=stride, padding=size // 2, dtype=torch.float64
    )
    return _draw(layer, generator)


def _linear(n_in: int, n_out: int, generator: Generator) -> Any:
    return _draw(skip_init(nn.Linear, n_in, n_out, dtype=torch.float64), generator)


def _draw(layer: Any, generator: Generator) -> Any:
    """Set the weights to a normal draw of variance 1 / fan-in, the bias to 0."""
    with torch.no_grad():
        layer.weight.normal_(0.0, layer.weight[0].numel() ** -0.5, generator=generator)
        layer.bias.zero_()
    return layer


class ConvArchitecture(NamedTuple):
    """All it takes to build a convolutional autoencoder again; plain values only.

    Attributes
    ----------
    shape : tuple of int
        Of an image, in the order of a row.
    is_channels_last : bool
    hidden_channels : tuple of int
        Channels of the encoder's layers.
    kernel_size : int
        Odd.
    pooling : {"stride", "max", "average"}
    n_components : int
    activation : str
    linear_start : bool
        Whether both networks learn around an affine map.
    """

    shape: tuple[int, ...]
    is_channels_last: bool
    hidden_channels: tuple[int, ...]
    kernel_size: int
    pooling: str
    n_components: int
    activation: str
    linear_start: bool

    @property
    def layout(self) -> ImageLayout:
        """How the numbers of a row make an image."""
        return ImageLayout(self.shape, self.is_channels_last)

    @property
    def map_sizes(self) -> list[tuple[int, ...]]:
        """Spatial sizes of the image and of the maps of every layer."""
        sizes = [self.layout.spatial]
        for _ in self.hidden_channels:
            sizes.append(tuple(ceil(size / 2) for size in sizes[-1]))
        return sizes

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from the data, first, to the code, last: of maps, all of their entries."""
        widths = zip(self.hidden_channels, self.map_sizes, strict=False)
        return (
            prod(self.shape),
            # before pooling, and at the decoder's end, maps are as large as those before them
            *(n_channels * prod(size) for n_channels, size in widths),
            self.n_components,
        )

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64, where torch unrolls convolutions."""
        return self.kernel_size ** len(self.layout.spatial)

    def build(self, generator: Generator) -> Autoencoder:
        """Return the autoencoder in float64; its affine maps, if any, are zero."""
        encoder = ConvEncoder(self, generator)
        decoder = ConvDecoder(self, generator)
        if not self.linear_start:
            return Autoencoder(encoder, decoder)
        nn.init.zeros_(encoder.output.weight)
        nn.init.zeros_(decoder.output.weight)
        n_features, n_components = prod(self.shape), self.n_components
        return Autoencoder(
            AroundLinear(n_features, n_components, encoder),
            RefinedLinear(n_components, n_features, decoder),
        )
