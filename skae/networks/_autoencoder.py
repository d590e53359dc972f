"""Autoencoders: an encoder followed by a decoder."""

from typing import NamedTuple

from torch import Tensor, nn

from skae.networks._pass import Gradients, LayerPass, NetworkPass, make_pass


class Reconstruction(NamedTuple):
    """The outputs of an autoencoder for a batch of rows.

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
        """Return the pass through both parts, or None if one of them has none."""
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
        """Backpropagate from raw, and from the code if a term depends on it."""
        self.decoder.backward(gradients["raw"])
        gradient = self.decoder.input_gradient()
        if "code" in gradients:
            gradient = gradient + gradients["code"]
        self.encoder.backward(gradient)
