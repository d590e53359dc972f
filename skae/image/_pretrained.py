"""A network that knows how an autoencoder sees the images."""

from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

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


class Conversion(NamedTuple):
    """Between the units of a network of images and those of an autoencoder.

    Attributes
    ----------
    gain_in, gain_out : Tensor of shape ()
    shift_in, shift_out : Tensor of shape (n_channels, height, width)
        ``x * gain_in + shift_in`` is what the autoencoder sees of x, and
        ``r * gain_out + shift_out`` what its result is in units of x.
    """

    gain_in: Tensor
    shift_in: Tensor
    gain_out: Tensor
    shift_out: Tensor


class WithReconstruction(nn.Module):
    """``network([x, r(x)])``, where r(x) is what an autoencoder makes of the image x.

    What goes through the bottleneck is what images have in common: their shapes, without noise.
    The autoencoder stays as it is: its weights are buffers.

    Parameters
    ----------
    plan : PretrainedArchitecture
    autoencoder : nn.Module
        Has `encoder` and `decoder`, from rows to rows.
    network : AroundFilter
    """

    outputs = ImageOutputs
    gain_in: Tensor
    shift_in: Tensor
    gain_out: Tensor
    shift_out: Tensor

    def __init__(
        self, plan: "PretrainedArchitecture", autoencoder: Any, network: AroundFilter
    ) -> None:
        super().__init__()
        self.layout = plan.autoencoder.layout
        self.mean = LOSSES[plan.loss]().mean
        self.encoder = as_constant(autoencoder.encoder)
        self.decoder = as_constant(autoencoder.decoder)
        self.network = network
        shape = self.layout.n_channels, *self.layout.spatial
        for name in Conversion._fields:
            sizes = () if name.startswith("gain") else shape
            self.register_buffer(name, torch.zeros(sizes, dtype=torch.float64))

    def set_conversion_(self, conversion: Conversion) -> None:
        """Set the units of the autoencoder."""
        for name, value in conversion._asdict().items():
            getattr(self, name).copy_(value)

    def set_filter_(self, kernel: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the filter of what `see` returns."""
        self.network.set_filter_(kernel, bias, scale)

    def see(self, x: Tensor) -> Tensor:
        """Return images beside their reconstructions, shape (n, 2 * n_channels, height, width)."""
        rows = self.layout.flatten(x * self.gain_in + self.shift_in)
        mean = self.mean(self.decoder(self.encoder(rows)))
        result = self.layout.unflatten(mean) * self.gain_out + self.shift_out
        return torch.cat([x, result], 1)

    def forward(self, x: Tensor) -> ImageOutputs:
        """Return the results of the network."""
        return self.network(self.see(x))


def as_constant(module: Any) -> Any:
    """Return a module whose parameters have become buffers, which do not learn."""
    for part in module.modules():
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
        For twice as many channels as images have.
    autoencoder : ConvArchitecture
    loss : str
        Of the autoencoder: how its output is meant.
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
        """How often sizes are halved."""
        return self.network.depth

    @property
    def filter_size(self) -> int:
        """Of the kernel of the filter."""
        return self.network.filter_size

    @property
    def n_channels_out(self) -> int:
        """Channels of what it returns."""
        return self.network.n_channels_out

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the U-Net."""
        return self.network.sizes

    @property
    def entries_per_batch(self) -> int:
        """Of the U-Net."""
        return self.network.entries_per_batch

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64."""
        return max(self.network.n_unrolled, self.autoencoder.n_unrolled)

    @property
    def entries_per_pixel(self) -> int:
        """Entries of the widest maps for every pixel of an image."""
        n_pixels = prod(self.spatial)
        return max(self.network.entries_per_pixel, -(-max(self.autoencoder.sizes) // n_pixels))

    @property
    def n_weights(self) -> int:
        """Number of weights the network has at least."""
        return self.network.n_weights + self.autoencoder.n_weights

    def build(self, generator: Generator) -> WithReconstruction:
        """Return the network in float64."""
        autoencoder = self.autoencoder.build(generator)
        network: Any = self.network.build(generator)
        return WithReconstruction(self, autoencoder, network)
