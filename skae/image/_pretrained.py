"""A network that sees images beside their reconstructions by an autoencoder."""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple, Protocol, TypeVar, cast

import torch
from torch import Generator, Tensor, nn

from skae.networks import (
    Architecture,
    AroundFilter,
    ConvArchitecture,
    ImageOutputs,
    UNetArchitecture,
)
from skae.objectives import LOSSES

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class HasCodes(Protocol):
    """An autoencoder of flattened images."""

    @property
    def encoder(self) -> nn.Module:
        """From images to codes."""

    @property
    def decoder(self) -> nn.Module:
        """From codes to images."""


class Conversion(NamedTuple):
    """The change from the units of a network of images to those of an autoencoder, and back.

    Attributes
    ----------
    gain_in, gain_out : Tensor of shape ()
    shift_in, shift_out : Tensor of shape (n_channels, height, width)
        ``x * gain_in + shift_in`` is the autoencoder's input for an image x of the network, and
        ``r * gain_out + shift_out`` is its reconstruction r in the units of x.
    """

    gain_in: Tensor
    shift_in: Tensor
    gain_out: Tensor
    shift_out: Tensor


class WithReconstruction(nn.Module):
    """``network([x, r(x)])``, where r(x) is an autoencoder's reconstruction of the image x.

    A reconstruction shows the shapes that images have in common, without noise. The autoencoder
    does not learn: its weights are buffers.

    Parameters
    ----------
    plan : PretrainedArchitecture
    autoencoder : nn.Module
        Has an `encoder` from flattened images to codes, and a `decoder` back.
    network : AroundFilter
    """

    outputs = ImageOutputs
    gain_in: Tensor
    shift_in: Tensor
    gain_out: Tensor
    shift_out: Tensor

    def __init__(
        self, plan: "PretrainedArchitecture", autoencoder: HasCodes, network: AroundFilter
    ) -> None:
        super().__init__()
        self.layout = plan.autoencoder.layout
        self.mean = LOSSES[plan.loss]().mean
        self.encoder = as_constant(autoencoder.encoder)
        self.decoder = as_constant(autoencoder.decoder)
        self.network = network
        shape = self.layout.n_channels, *self.layout.spatial
        # until set_conversion_, the conversion is zero
        for name in Conversion._fields:
            sizes = () if name.startswith("gain") else shape
            self.register_buffer(name, torch.zeros(sizes, dtype=torch.float64))

    def set_conversion_(self, conversion: Conversion) -> None:
        """Set the units of the autoencoder."""
        for name, value in conversion._asdict().items():
            getattr(self, name).copy_(value)

    def set_filter_(self, kernel: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the fixed filter, whose input is the result of `see`."""
        self.network.set_filter_(kernel, bias, scale)

    def see(self, x: Tensor) -> Tensor:
        """Return images beside their reconstructions, shape (n, 2 * n_channels, height, width)."""
        # (n, n_channels, height, width) -> (n, n_features), which the encoder takes
        rows = self.layout.flatten(x * self.gain_in + self.shift_in)
        mean = self.mean(self.decoder(self.encoder(rows)))
        result = self.layout.unflatten(mean) * self.gain_out + self.shift_out
        return torch.cat([x, result], 1)

    def forward(self, x: Tensor) -> ImageOutputs:
        """Return the results of the network."""
        return self.network(self.see(x))


def as_constant(module: ModuleT) -> ModuleT:
    """Turn the parameters of a module into buffers, which do not learn; return the module."""
    for part in module.modules():
        # a list, since the loop removes parameters
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
    return module


@dataclass(frozen=True)
class PretrainedArchitecture(Architecture):
    """A plan of `WithReconstruction`.

    Attributes
    ----------
    network : UNetArchitecture
        Plan of the U-Net, whose input has twice as many channels as the images.
    autoencoder : ConvArchitecture
    loss : str
        Loss that the autoencoder was fitted with, whose link gives its output a meaning.
    """

    network: UNetArchitecture
    autoencoder: ConvArchitecture
    loss: str

    @property
    def spatial(self) -> tuple[int, ...]:
        """Height and width of the images."""
        return self.autoencoder.layout.spatial

    @property
    def depth(self) -> int:
        """Number of times that sizes are halved."""
        return self.network.depth

    @property
    def filter_size(self) -> int:
        """Size of the kernel of the filter."""
        return self.network.filter_size

    @property
    def n_channels_out(self) -> int:
        """Channels of the network's output."""
        return self.network.n_channels_out

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths of the U-Net."""
        return self.network.sizes

    @property
    def entries_per_batch(self) -> int:
        """Entries of rows that the U-Net is best applied to at once."""
        return self.network.entries_per_batch

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64."""
        return max(self.network.n_unrolled, self.autoencoder.n_unrolled)

    @property
    def entries_per_pixel(self) -> int:
        """Entries of the widest maps for every pixel of an image."""
        n_pixels = prod(self.spatial)
        # a layer of the autoencoder may be wider than all maps: its entries by pixels, rounded up
        return max(self.network.entries_per_pixel, -(-max(self.autoencoder.sizes) // n_pixels))

    @property
    def n_weights(self) -> int:
        """Number of weights the network has at least."""
        return self.network.n_weights + self.autoencoder.n_weights

    def build(self, generator: Generator) -> WithReconstruction:
        """Return the network in float64."""
        autoencoder = self.autoencoder.build(generator)
        # the U-Net of a segmenter always has a filter
        network = cast(AroundFilter, self.network.build(generator))
        return WithReconstruction(self, autoencoder, network)
