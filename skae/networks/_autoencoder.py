"""Autoencoders: an encoder followed by a decoder."""

from typing import NamedTuple

from torch import Generator, Tensor, nn

from skae.networks._activations import ACTIVATIONS
from skae.networks._dense import Dense, Mirrored
from skae.networks._linear_start import AroundLinear
from skae.networks._pass import Gradients, LayerPass, NetworkPass, make_pass


class Reconstruction(NamedTuple):
    """What an autoencoder says of a batch of rows.

    Attributes
    ----------
    x : Tensor of shape (n, ...)
        The input of the encoder.
    code : Tensor of shape (n, n_components)
    raw : Tensor of shape (n, ...)
        The decoder's output, before the loss's own link is applied.
    """

    x: Tensor
    code: Tensor
    raw: Tensor


class Autoencoder(nn.Module):
    """Encode, then decode.

    Parameters
    ----------
    encoder, decoder : nn.Module
    """

    outputs = Reconstruction

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> Reconstruction:
        """Return the code of `x` and the decoder's output for that code."""
        code = self.encoder(x)
        return Reconstruction(x, code, self.decoder(code))

    def make_pass(self) -> NetworkPass | None:
        """Return forward and backward, if both parts have them."""
        encoder, decoder = make_pass(self.encoder), make_pass(self.decoder)
        if encoder is None or decoder is None:
            return None
        return AutoencoderPass(encoder, decoder)


class AutoencoderPass(NetworkPass):
    """Forward and backward through `Autoencoder`.

    Parameters
    ----------
    encoder, decoder : LayerPass
    """

    def __init__(self, encoder: LayerPass, decoder: LayerPass) -> None:
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> Reconstruction:
        """Return the code of `x` and the decoder's output for that code."""
        code = self.encoder.forward(x)
        return Reconstruction(x, code, self.decoder.forward(code))

    def backward(self, gradients: Gradients) -> None:
        """Go back from raw, and from the code if a term looks at it."""
        self.decoder.backward(gradients["raw"])
        gradient = self.decoder.input_gradient()
        if "code" in gradients:
            gradient = gradient + gradients["code"]
        self.encoder.backward(gradient)


class DenseArchitecture(NamedTuple):
    """All it takes to build a fully connected autoencoder again; plain values only.

    Attributes
    ----------
    sizes : tuple of int
        Number of features, widths of the encoder's hidden layers, number of components.
    activation : str
    tied_weights : bool
        Whether the decoder uses the encoder's weights, transposed.
    linear_start : bool
        Whether both networks learn around an affine map.
    """

    sizes: tuple[int, ...]
    activation: str
    tied_weights: bool
    linear_start: bool

    @property
    def entries_per_batch(self) -> int:
        """Few enough for what a layer puts out to stay near the processor."""
        return 2**18

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64."""
        return 1

    def build(self, generator: Generator) -> Autoencoder:
        """Return the autoencoder in float64; its affine maps, if any, are zero."""
        activation = ACTIVATIONS[self.activation]
        encoder = Dense(self.sizes, activation, generator)
        if self.tied_weights:
            # Its first layer is the decoder's last. Were the encoder's last layer zero, both
            # networks would start linear in it, where PCA leaves no gradient to follow.
            decoder: nn.Module = Mirrored(encoder)
            silent = [(encoder, 0)]
        else:
            decoder = Dense(self.sizes[::-1], activation, generator)
            silent = [(encoder, -1), (decoder, -1)]
        if not self.linear_start:
            return Autoencoder(encoder, decoder)
        for network, layer in silent:
            network.zero_(layer)
        n_features, n_components = self.sizes[0], self.sizes[-1]
        return Autoencoder(
            AroundLinear(n_features, n_components, encoder),
            AroundLinear(n_components, n_features, decoder),
        )
