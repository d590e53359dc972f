"""Convolutional autoencoders of signals, images and volumes, given as flattened rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, prod

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from skae.networks._activations import ACTIVATIONS
from skae.networks._architecture import Architecture
from skae.networks._autoencoder import Autoencoder
from skae.networks._convolutions import (
    CONVOLUTIONS,
    Functions,
    convolve,
    neighbour_sums,
    resize_and_convolve,
)
from skae.networks._dense import keep_inputs_, keep_outputs_
from skae.networks._image_layout import ImageLayout, as_maps, interleave
from skae.networks._linear_start import AroundLinear, RefinedLinear
from skae.networks._modules import Convolution, LayerT, module_list
from skae.networks._ordered import OrderedAutoencoder, PrefixDecoder

MAX_POOLS: Functions = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
AVERAGE_POOLS: Functions = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
POOLINGS = ("stride", "max", "average")


class ConvEncoder(nn.Module):
    """Convolutions that halve every size, and a linear layer. In float64.

    Parameters
    ----------
    plan : ConvArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    layers: Sequence[Convolution]

    def __init__(self, plan: "ConvArchitecture", generator: Generator) -> None:
        super().__init__()
        self.layout = plan.layout
        self.pooling = plan.pooling
        self.activation = ACTIVATIONS[plan.activation]()
        # other poolings halve the maps after a convolution
        stride = 2 if plan.pooling == "stride" else 1
        channels = plan.layout.n_channels, *plan.hidden_channels
        self.layers = module_list(
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
        return self.output(interleave(self.maps(x)[-1]))

    def keep_outputs_(self, places: Tensor) -> None:
        """Drop the components that are not in `places`."""
        keep_outputs_(self.output, places)

    def _pool(self, maps: Tensor) -> Tensor:
        if self.pooling == "stride":
            return maps
        pools = MAX_POOLS if self.pooling == "max" else AVERAGE_POOLS
        # the last entry of an odd size is pooled by itself
        return pools[maps.ndim - 3](maps, 2, ceil_mode=True)


class ConvDecoder(nn.Module):
    """A linear layer, and convolutions that double every size. In float64.

    The last convolution also sees the image that it refines, which is linear in the code.

    Parameters
    ----------
    plan : ConvArchitecture
    generator : torch.Generator
        Draws the weights.
    """

    layers: Sequence[Convolution]
    sums: Tensor

    def __init__(self, plan: "ConvArchitecture", generator: Generator) -> None:
        super().__init__()
        self.layout = plan.layout
        self.map_sizes = plan.map_sizes
        self.activation = ACTIVATIONS[plan.activation]()
        n_image = plan.layout.n_channels
        n_deepest = plan.hidden_channels[-1]
        # half the first width at full size, where a channel costs most
        channels = *plan.hidden_channels[::-1], max(1, plan.hidden_channels[0] // 2)
        self.input = _linear(plan.n_decoder_inputs, n_deepest * prod(plan.map_sizes[-1]), generator)
        self.layers = module_list(
            _convolution(plan, n_in, n_out, generator) for n_in, n_out in pairwise(channels)
        )
        n_seen = channels[-1] + (n_image if plan.linear_start else 0)
        self.output = _convolution(plan, n_seen, n_image, generator)
        # a constant: files of weights do without it
        sums = neighbour_sums(plan.kernel_size, len(plan.layout.spatial))
        self.register_buffer("sums", sums, persistent=False)

    def forward(self, code: Tensor, linear: Tensor | None = None) -> Tensor:
        """Return rows; `linear` are rows that the last convolution refines."""
        # (n, n_deepest, *map_sizes[-1])
        maps = self.activation(as_maps(self.input(code), self.map_sizes[-1]))
        for layer, sizes in zip(self.layers, self.map_sizes[-2::-1], strict=True):
            maps = self.activation(resize_and_convolve(layer, maps, sizes, self.sums))
        if linear is not None:
            maps = torch.cat([maps, self.layout.unflatten(linear)], 1)
        return self.layout.flatten(convolve(self.output, maps))

    def keep_inputs_(self, places: Tensor) -> None:
        """Drop the inputs that are not in `places`: the network takes them for zero."""
        keep_inputs_(self.input, places)


def _convolution(
    plan: "ConvArchitecture", n_in: int, n_out: int, generator: Generator, stride: int = 1
) -> Convolution:
    kind = CONVOLUTIONS[len(plan.layout.spatial) - 1]
    size = plan.kernel_size
    layer: Convolution = skip_init(
        kind, n_in, n_out, size, stride=stride, padding=size // 2, dtype=torch.float64
    )
    return _draw(layer, generator)


def _linear(n_in: int, n_out: int, generator: Generator) -> nn.Linear:
    return _draw(skip_init(nn.Linear, n_in, n_out, dtype=torch.float64), generator)


def _draw(layer: LayerT, generator: Generator) -> LayerT:
    """Set the weights to a normal draw of variance 1 / fan-in, the bias to 0."""
    with torch.no_grad():
        layer.weight.normal_(0.0, layer.weight[0].numel() ** -0.5, generator=generator)
        layer.bias.zero_()
    return layer


@dataclass(frozen=True)
class ConvArchitecture(Architecture):
    """The plan of a convolutional autoencoder.

    Attributes
    ----------
    layout : ImageLayout
        The image shape of a row.
    hidden_channels : tuple of int
        Channels of the encoder's layers.
    kernel_size : int
        Odd.
    pooling : {"stride", "max", "average"}
    n_components : int
    activation : str
    linear_start : bool
        Whether both networks learn around an affine map.
    ordered : bool, default=False
        Whether prefixes of codes can be decoded.
    """

    layout: ImageLayout
    hidden_channels: tuple[int, ...]
    kernel_size: int
    pooling: str
    n_components: int
    activation: str
    linear_start: bool
    ordered: bool = False

    @property
    def n_decoder_inputs(self) -> int:
        """Number of the decoder's inputs: a code, and for prefixes an indicator of each entry."""
        return self.n_components * (2 if self.ordered else 1)

    @property
    def map_sizes(self) -> list[tuple[int, ...]]:
        """Spatial sizes of the image and of the maps of every layer."""
        sizes = [self.layout.spatial]
        for _ in self.hidden_channels:
            sizes.append(tuple(ceil(size / 2) for size in sizes[-1]))
        return sizes

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from the data, first, to the code, last; the width of maps is their size."""
        widths = zip(self.hidden_channels, self.map_sizes, strict=False)
        return (
            prod(self.layout.shape),
            # before pooling, and at the decoder's end, maps are as large as those before them
            *(n_channels * prod(size) for n_channels, size in widths),
            self.n_components,
        )

    @property
    def entries_per_batch(self) -> int:
        """More than for dense layers: starting a convolution takes long."""
        return 2**20

    @property
    def n_weights(self) -> int:
        """Least number of weights of the network, if no size is 0."""
        channels = self.layout.n_channels, *self.hidden_channels
        n_linear = channels[-1] * prod(self.map_sizes[-1]) * self.n_components
        n_kernels = sum(n_in * n_out for n_in, n_out in pairwise(channels))
        # the fixed affine map around which the network learns
        n_affine = prod(self.layout.shape) * self.n_components if self.linear_start else 0
        return n_linear + n_kernels * self.n_unrolled + n_affine

    @property
    def n_unrolled(self) -> int:
        """Number of copies of its input that a layer makes in float64 to unroll a convolution."""
        return self.kernel_size ** len(self.layout.spatial)

    def narrowed(self, n_components: int) -> "ConvArchitecture":
        """Return the plan with fewer components."""
        return replace(self, n_components=n_components)

    def build(self, generator: Generator) -> Autoencoder | OrderedAutoencoder:
        """Return the autoencoder in float64; its affine maps, if any, are zero."""
        conv_encoder, conv_decoder = ConvEncoder(self, generator), ConvDecoder(self, generator)
        encoder: nn.Module = conv_encoder
        decoder: nn.Module = conv_decoder
        n_features, n_components = prod(self.layout.shape), self.n_components
        if self.linear_start:
            # with biases of 0, both networks then return 0
            nn.init.zeros_(conv_encoder.output.weight)
            nn.init.zeros_(conv_decoder.output.weight)
            encoder = AroundLinear(n_features, n_components, encoder)
            decoder = RefinedLinear(self.n_decoder_inputs, n_features, decoder)
        if self.ordered:
            return OrderedAutoencoder(encoder, PrefixDecoder(decoder), n_components)
        return Autoencoder(encoder, decoder)
