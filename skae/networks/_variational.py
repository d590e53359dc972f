"""Variational autoencoders, whose encoder and decoder return distributions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from skae.networks._activations import ACTIVATIONS
from skae.networks._architecture import Architecture
from skae.networks._dense import Dense
from skae.networks._linear_start import AroundLinear
from skae.networks._modules import gradient_of
from skae.networks._pass import Gradients, LayerPass, NetworkPass, make_pass

LOG_VARS = -30.0, 5.0
"""Bounds of the logarithm of posterior variances; that of the prior is 0."""


class VariationalOutputs(NamedTuple):
    """The outputs of a variational autoencoder for a batch of rows.

    Attributes
    ----------
    mean, log_var : Tensor of shape (n, n_components)
        Parameters of the normal posterior q(z|x).
    code : Tensor of shape (n, n_codes, n_components)
        Draws from the posterior.
    raw : Tensor of shape (n, n_codes, n_features) or (n, n_codes, n_features, n_raw)
        The decoder's output for every code.
    shared : Tensor of shape (n_shared,)
        Parameters of the likelihood that do not depend on the code.
    """

    mean: Tensor
    log_var: Tensor
    code: Tensor
    raw: Tensor
    shared: Tensor


class Decoder(nn.Module):
    """Maps codes, and indicators of classes if there are any, to parameters of a likelihood.

    Parameters
    ----------
    network : nn.Module
        Maps (..., n_components + n_classes) to (..., n_features * n_raw).
    n_raw : int
    """

    def __init__(self, network: nn.Module, n_raw: int) -> None:
        super().__init__()
        self.network = network
        self.n_raw = n_raw

    def forward(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return raw, shape (..., n_features) or (..., n_features, n_raw)."""
        if condition is not None:
            code = torch.cat([code, condition.expand(*code.shape[:-1], -1)], -1)
        raw = self.network(code)
        return raw if self.n_raw == 1 else raw.unflatten(-1, (-1, self.n_raw))


class EveryClass(nn.Module):
    """Decodes every code once for each class.

    Parameters
    ----------
    decoder : nn.Module
    n_classes : int
    """

    def __init__(self, decoder: nn.Module, n_classes: int) -> None:
        super().__init__()
        self.decoder = decoder
        self.n_classes = n_classes

    def forward(self, code: Tensor) -> Tensor:
        """Return raw, shape (n_classes, n, ...)."""
        indicators = torch.eye(self.n_classes, dtype=code.dtype, device=code.device)
        return torch.stack([self.decoder(code, indicator) for indicator in indicators])


class MeanEncoder(nn.Module):
    """The posterior means, the first half of ``encoder(inputs(x))``.

    Parameters
    ----------
    inputs : callable
        Turns rows into the encoder's inputs.
    encoder : nn.Module
    n_components : int
    """

    def __init__(
        self, inputs: Callable[[Tensor], Tensor], encoder: nn.Module, n_components: int
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.encoder = encoder
        self.n_components = n_components

    def forward(self, x: Tensor) -> Tensor:
        """Return the means, shape (n, n_components)."""
        return self.encoder(self.inputs(x))[:, : self.n_components]


class VariationalAutoencoder(nn.Module):
    """Encode to a normal distribution, draw from it, decode.

    The noise of the draws is an input, so that the same inputs give the same outputs.

    Parameters
    ----------
    encoder : nn.Module
        Maps (n, n_inputs) to (n, 2 * n_components): means, then logarithms of variances.
    decoder : Decoder
    n_shared : int
    """

    outputs = VariationalOutputs

    def __init__(self, encoder: nn.Module, decoder: Decoder, n_shared: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.shared = nn.Parameter(torch.zeros(n_shared, dtype=torch.float64))

    def forward(
        self, x: Tensor, noise: Tensor, condition: Tensor | None = None
    ) -> VariationalOutputs:
        """Return all outputs; `noise` is standard normal, shape (n, n_codes, n_components)."""
        mean, log_var = self.posterior(x)
        code = torch.addcmul(mean[:, None], (log_var / 2).exp()[:, None], noise)
        raw = self.decoder(code, None if condition is None else condition[:, None])
        return VariationalOutputs(mean, log_var, code, raw, self.shared)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and logarithms of variances of q(z|x), each (n, n_components)."""
        mean, log_var = self.encoder(x).chunk(2, 1)
        # codes of rows far from all others would otherwise be of any size
        return mean, log_var.clamp(*LOG_VARS)

    def make_pass(self) -> NetworkPass | None:
        """Return the pass through both parts, or None if one of them has none."""
        encoder, decoder = make_pass(self.encoder), make_pass(self.decoder.network)
        if encoder is None or decoder is None:
            return None
        return VariationalPass(encoder, decoder, self.decoder.n_raw, self.shared)


class VariationalPass(NetworkPass):
    """Forward and backward through `VariationalAutoencoder`.

    Parameters
    ----------
    encoder, decoder : LayerPass
    n_raw : int
    shared : Parameter
    """

    def __init__(self, encoder: LayerPass, decoder: LayerPass, n_raw: int, shared: Tensor) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.n_raw = n_raw
        self.shared = shared

    def forward(
        self, x: Tensor, noise: Tensor, condition: Tensor | None = None
    ) -> VariationalOutputs:
        """Return all outputs; `noise` is standard normal, shape (n, n_codes, n_components)."""
        self.moments = self.encoder.forward(x)
        mean, log_var = self.moments.chunk(2, 1)
        log_var = log_var.clamp(*LOG_VARS)
        self.scaled_noise = (log_var / 2).exp()[:, None] * noise
        code = mean[:, None] + self.scaled_noise
        raw = self._decode(code, condition).unflatten(0, code.shape[:2])
        if self.n_raw > 1:
            raw = raw.unflatten(-1, (-1, self.n_raw))
        return VariationalOutputs(mean, log_var, code, raw, self.shared)

    def backward(self, gradients: Gradients) -> None:
        """Backpropagate through the codes, and from the moments themselves."""
        if "shared" in gradients:
            gradient_of(self.shared).add_(gradients["shared"])
        # (n, n_codes, n_features[, n_raw]) -> (n * n_codes, n_features * n_raw)
        self.decoder.backward(gradients["raw"].flatten(2).flatten(0, 1))
        n_components = self.scaled_noise.shape[2]
        # the condition, behind the code, has no gradient
        to_code = self.decoder.input_gradient()[:, :n_components].view_as(self.scaled_noise)
        to_code = to_code + gradients.get("code", 0)
        to_mean = to_code.sum(1) + gradients.get("mean", 0)
        # code = mean + exp(log_var / 2) * noise
        to_log_var = (to_code * self.scaled_noise).sum(1) / 2 + gradients.get("log_var", 0)
        free = self.moments[:, n_components:]
        # clamped variances have no gradient
        is_inside = (free >= LOG_VARS[0]) & (free <= LOG_VARS[1])
        self.encoder.backward(torch.cat([to_mean, to_log_var * is_inside], 1))

    def _decode(self, code: Tensor, condition: Tensor | None) -> Tensor:
        """Return the decoder's output, shape (n * n_codes, n_features * n_raw)."""
        if condition is not None:
            code = torch.cat([code, condition[:, None].expand(-1, code.shape[1], -1)], -1)
        return self.decoder.forward(code.flatten(0, 1))


@dataclass(frozen=True)
class VariationalArchitecture(Architecture):
    """The plan of a fully connected variational autoencoder.

    Attributes
    ----------
    sizes : tuple of int
        Number of inputs, widths of the encoder's hidden layers, number of components.
    activation : str
    linear_start : bool
        Whether both networks learn around an affine map.
    n_features : int
    n_raw : int
        Number of the decoder's outputs for each feature.
    n_shared : int
        Number of the likelihood's parameters that do not depend on the code.
    n_classes : int
        Width of the condition that the decoder sees beside the code, or 0.
    """

    sizes: tuple[int, ...]
    activation: str
    linear_start: bool
    n_features: int
    n_raw: int
    n_shared: int
    n_classes: int

    @property
    def n_weights(self) -> int:
        """Least number of weights of the network, if no size is 0."""
        # the decoder's last layer may be wider than the data
        n_last = self.sizes[1] * self.n_features * self.n_raw
        # the decoder's first layer sees the classes beside the code
        n_told = self.n_classes * min(self.sizes[-2], self.n_features * self.n_raw)
        return super().n_weights + n_last + n_told + self.n_shared

    def build(self, generator: Generator) -> VariationalAutoencoder:
        """Return the network in float64; its affine maps, if any, are zero."""
        activation = ACTIVATIONS[self.activation]
        n_inputs, *hidden, n_components = self.sizes
        n_out = self.n_features * self.n_raw
        ends = (n_inputs, 2 * n_components), (n_components + self.n_classes, n_out)
        networks: list[nn.Module] = []
        for (n_from, n_to), widths in zip(ends, (hidden, hidden[::-1]), strict=True):
            network = Dense((n_from, *widths, n_to), activation, generator)
            if self.linear_start:
                network.zero_(-1)
            networks.append(AroundLinear(n_from, n_to, network) if self.linear_start else network)
        encoder, decoder = networks
        return VariationalAutoencoder(encoder, Decoder(decoder, self.n_raw), self.n_shared)
