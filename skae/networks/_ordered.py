"""Autoencoders whose codes are ordered: the first entries of a code can be decoded alone."""

from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skae.networks._pass import Gradients, LayerPass, NetworkPass, make_pass


class PrefixReconstruction(NamedTuple):
    """What an ordered autoencoder says of a batch of rows.

    Attributes
    ----------
    x : Tensor of shape (n, ...)
        The input of the encoder.
    code : Tensor of shape (n, n_components)
    raw : Tensor of shape (n * n_lengths, ...)
        The decoder's output for prefixes of the codes; those of a row follow each other.
    weight : Tensor of shape (n * n_lengths,)
        What a loss counts at the length of each prefix.
    """

    x: Tensor
    code: Tensor
    raw: Tensor
    weight: Tensor


class PrefixDecoder(nn.Module):
    """Decodes the first entries of codes, and knows how many they are.

    Parameters
    ----------
    network : nn.Module
        Its input is a code, in which the other entries are 0, followed by as many entries that
        are 1 where the code's are used and 0 elsewhere.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def set_affine_(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the affine map around which the network learns, from codes to rows."""
        weight = torch.cat([weight, torch.zeros_like(weight)], 1)
        self.network.set_affine_(weight, bias, scale)

    def forward(self, code: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the decoded prefixes of codes, or the decoded codes.

        Parameters
        ----------
        code : Tensor of shape (n, n_components)
        lengths : Tensor of int of shape (n, n_lengths), default=None

        Returns
        -------
        raw : Tensor of shape (n * n_lengths, ...) or, without lengths, (n, ...)
        """
        if lengths is None:
            return self.network(torch.cat([code, torch.ones_like(code)], 1))
        return self.network(take_prefixes(code, lengths))

    def make_pass(self) -> "PrefixDecoderPass | None":
        """Return forward and backward, if the network has them."""
        inner = make_pass(self.network)
        return None if inner is None else PrefixDecoderPass(inner)


class PrefixDecoderPass:
    """Forward and backward through `PrefixDecoder`.

    Parameters
    ----------
    inner : LayerPass
        Of its network.
    """

    def __init__(self, inner: LayerPass) -> None:
        self.inner = inner

    def forward(self, code: Tensor, lengths: Tensor) -> Tensor:
        """Return the decoded prefixes of codes."""
        prefixes = take_prefixes(code, lengths)
        self.n_lengths = lengths.shape[1]
        self.is_used = prefixes[:, code.shape[1] :]
        return self.inner.forward(prefixes)

    def backward(self, gradient: Tensor) -> None:
        """Add to the parameters' gradients what the gradient of the last output causes."""
        self.inner.backward(gradient)

    def input_gradient(self) -> Tensor:
        """Return the gradient of the codes, shape (n, n_components), after `backward`."""
        gradient = self.inner.input_gradient()[:, : self.is_used.shape[1]] * self.is_used
        return gradient.unflatten(0, (-1, self.n_lengths)).sum(1)


class OrderedAutoencoder(nn.Module):
    """Encode, then decode the first so many entries of the codes (Rippel et al. 2014).

    Parameters
    ----------
    encoder : nn.Module
    decoder : PrefixDecoder
    n_components : int
    """

    outputs = PrefixReconstruction
    weights: Tensor

    def __init__(self, encoder: nn.Module, decoder: PrefixDecoder, n_components: int) -> None:
        super().__init__()
        self.encoder: Any = encoder
        self.decoder = decoder
        self.register_buffer("weights", torch.ones(n_components, dtype=torch.float64))

    def forward(self, x: Tensor, lengths: Tensor) -> PrefixReconstruction:
        """Return the codes of `x` and what the decoder makes of their prefixes.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
        lengths : Tensor of int of shape (n, n_lengths)
            From 1 to `n_components`.
        """
        code = self.encoder(x)
        raw = self.decoder(code, lengths)
        return PrefixReconstruction(x, code, raw, self.weights[lengths.flatten() - 1])

    def make_pass(self) -> NetworkPass | None:
        """Return forward and backward, if both parts have them."""
        encoder, decoder = make_pass(self.encoder), self.decoder.make_pass()
        if encoder is None or decoder is None:
            return None
        return OrderedAutoencoderPass(encoder, decoder, self.weights)

    def truncated(self, n_components: int) -> "OrderedAutoencoder":
        """Return the network of the first components, which gives what this one does of them."""
        network = deepcopy(self)
        first = torch.arange(n_components)
        network.encoder.keep_outputs_(first)
        network.decoder.network.keep_inputs_(torch.cat([first, len(self.weights) + first]))
        network.weights = self.weights[:n_components].clone()
        return network


class OrderedAutoencoderPass(NetworkPass):
    """Forward and backward through `OrderedAutoencoder`.

    Parameters
    ----------
    encoder : LayerPass
    decoder : PrefixDecoderPass
    weights : Tensor of shape (n_components,)
    """

    def __init__(self, encoder: LayerPass, decoder: PrefixDecoderPass, weights: Tensor) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.weights = weights

    def forward(self, x: Tensor, lengths: Tensor) -> PrefixReconstruction:
        """Return the codes of `x` and what the decoder makes of their prefixes."""
        code = self.encoder.forward(x)
        raw = self.decoder.forward(code, lengths)
        return PrefixReconstruction(x, code, raw, self.weights[lengths.flatten() - 1])

    def backward(self, gradients: Gradients) -> None:
        """Go back from raw, and from the code if a term looks at it."""
        self.decoder.backward(gradients["raw"])
        gradient = self.decoder.input_gradient()
        if "code" in gradients:
            gradient = gradient + gradients["code"]
        self.encoder.backward(gradient)


def take_prefixes(code: Tensor, lengths: Tensor) -> Tensor:
    """Return prefixes of codes, and 1 for the entries they have.

    Parameters
    ----------
    code : Tensor of shape (n, n_components)
    lengths : Tensor of int of shape (n, n_lengths)

    Returns
    -------
    prefixes : Tensor of shape (n * n_lengths, 2 * n_components)
    """
    n_lengths, n_components = lengths.shape[1], code.shape[1]
    places = torch.arange(n_components, device=code.device)
    is_used = (places < lengths.reshape(-1, 1)).to(code.dtype)
    if n_lengths > 1:
        code = code.repeat_interleave(n_lengths, 0)
    return torch.cat([code * is_used, is_used], 1)
