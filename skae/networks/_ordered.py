"""Autoencoders with ordered codes, whose first entries can be decoded alone."""

from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skae.networks._pass import Gradients, LayerPass, NetworkPass, make_pass


class PrefixReconstruction(NamedTuple):
    """The outputs of an ordered autoencoder for a batch of rows.

    Attributes
    ----------
    x : Tensor of shape (n, ...)
        The input of the encoder.
    code : Tensor of shape (n, n_components)
    raw : Tensor of shape (n * n_lengths, ...)
        The decoder's output for prefixes of the codes; prefixes of a row follow each other.
    weight : Tensor of shape (n * n_lengths,)
        Factor of the loss of each prefix, which depends on its length.
    """

    x: Tensor
    code: Tensor
    raw: Tensor
    weight: Tensor


class PrefixDecoder(nn.Module):
    """Decodes the first entries of codes; the network sees their number.

    Parameters
    ----------
    network : nn.Module
        Its input is a code with zeros in place of the other entries, followed by an indicator of
        each entry: 1 for the first ones, 0 for the others.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def set_affine_(self, weight: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the affine map around which the network learns, from codes to rows."""
        # the affine map does not need the indicators
        weight = torch.cat([weight, torch.zeros_like(weight)], 1)
        self.network.set_affine_(weight, bias, scale)

    def forward(self, code: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return decoded prefixes of codes, or decoded codes.

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
        """Return the pass through the network, or None if it has none."""
        inner = make_pass(self.network)
        return None if inner is None else PrefixDecoderPass(inner)


class PrefixDecoderPass:
    """Forward and backward through `PrefixDecoder`.

    Parameters
    ----------
    inner : LayerPass
        The pass through its network.
    """

    def __init__(self, inner: LayerPass) -> None:
        self.inner = inner

    def forward(self, code: Tensor, lengths: Tensor) -> Tensor:
        """Return decoded prefixes of codes."""
        prefixes = take_prefixes(code, lengths)
        self.n_lengths = lengths.shape[1]
        self.is_used = prefixes[:, code.shape[1] :]
        return self.inner.forward(prefixes)

    def backward(self, gradient: Tensor) -> None:
        """Backpropagate the gradient of the last output; add to those of the parameters."""
        self.inner.backward(gradient)

    def input_gradient(self) -> Tensor:
        """Return the gradient of the codes, shape (n, n_components), after `backward`."""
        # the indicators have no gradient, nor have entries that were set to 0
        gradient = self.inner.input_gradient()[:, : self.is_used.shape[1]] * self.is_used
        # (n * n_lengths, n_components) -> (n, n_components): a code is part of all its prefixes
        return gradient.unflatten(0, (-1, self.n_lengths)).sum(1)


class OrderedAutoencoder(nn.Module):
    """Encode, then decode prefixes of the codes (Rippel et al. 2014).

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
        """Return the codes of `x` and the decoder's outputs for their prefixes.

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
        """Return the pass through both parts, or None if one of them has none."""
        encoder, decoder = make_pass(self.encoder), self.decoder.make_pass()
        if encoder is None or decoder is None:
            return None
        return OrderedAutoencoderPass(encoder, decoder, self.weights)

    def truncated(self, n_components: int) -> "OrderedAutoencoder":
        """Return the network of the first components, with this network's results for prefixes."""
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
        """Return the codes of `x` and the decoder's outputs for their prefixes."""
        code = self.encoder.forward(x)
        raw = self.decoder.forward(code, lengths)
        return PrefixReconstruction(x, code, raw, self.weights[lengths.flatten() - 1])

    def backward(self, gradients: Gradients) -> None:
        """Backpropagate from raw, and from the code if a term depends on it."""
        self.decoder.backward(gradients["raw"])
        gradient = self.decoder.input_gradient()
        if "code" in gradients:
            gradient = gradient + gradients["code"]
        self.encoder.backward(gradient)


def take_prefixes(code: Tensor, lengths: Tensor) -> Tensor:
    """Return prefixes of codes, and indicators of their entries.

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
    # (n * n_lengths, n_components)
    is_used = (places < lengths.reshape(-1, 1)).to(code.dtype)
    if n_lengths > 1:
        code = code.repeat_interleave(n_lengths, 0)
    return torch.cat([code * is_used, is_used], 1)
