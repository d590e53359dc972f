"""A fitted latent variable model: posteriors, draws and likelihoods of some rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from skae.engine import Noise
from skae.fitting._application import as_array, as_tensor
from skae.networks import EveryClass, VariationalAutoencoder
from skae.objectives import Likelihood, log_normal
from skae.rows._survey import as_rows
from skae.rows._units import Units


@dataclass(frozen=True)
class LatentModel:
    """Functions of a variational autoencoder's network and of some rows.

    Attributes
    ----------
    link : Likelihood
    units, output_units : Units
        The units of the network's input, and of the decoder's means.
    n_components : int
    shares : list of float or None
        The shares of the classes, if the model is conditional.
    """

    link: Likelihood
    units: Units
    output_units: Units
    n_components: int
    shares: list[float] | None

    def _inputs(self, X: NDArray) -> NDArray:
        """Return the network's input for rows."""
        return self.units.enter(self.link.inputs(as_rows(X.astype(np.float64))).numpy())

    def moments(self, network: VariationalAutoencoder, X: NDArray) -> NDArray:
        """Return posterior means and logarithms of variances, side by side."""
        # means and log-variances: (n, n_components) each -> (n, 2 * n_components)
        moments = network.posterior(as_tensor(self._inputs(X), network))
        return as_array(torch.cat(moments, 1))

    def encode(self, network: VariationalAutoencoder, X: NDArray) -> NDArray:
        """Return posterior means."""
        return self.moments(network, X)[:, : self.n_components]

    def _raw(self, network: VariationalAutoencoder, rows: NDArray) -> Tensor:
        """Return the decoder's output for codes, with indicators of classes beside them."""
        code, condition = as_tensor(rows, network).tensor_split([self.n_components], 1)
        return network.decoder(code, condition if condition.shape[1] else None)

    def decode_told(self, network: VariationalAutoencoder, rows: NDArray) -> NDArray:
        """Decode codes, with indicators of classes beside them."""
        shown = self.link.reconstruction(self._raw(network, rows), network.shared)
        return self.output_units.leave(as_array(shown), rows.dtype)

    def draw(self, network: VariationalAutoencoder, rows: NDArray, generator: Generator) -> NDArray:
        """Draw rows, given codes with indicators of classes beside them."""
        # generators of all devices would draw different rows
        raw = self._raw(network, rows).cpu()
        drawn = self.link.sample(raw, network.shared.cpu(), generator)
        return self.output_units.leave(as_array(drawn), rows.dtype)

    def decode(self, network: VariationalAutoencoder, codes: NDArray) -> NDArray:
        """Decode codes; of a conditional model, averaged over the classes."""
        if self.shares is None:
            return self.decode_told(network, codes)
        shares = as_tensor(np.array(self.shares), network)
        # (n_classes, n, n_features): the decoder's output as if rows were of every class
        raw = EveryClass(network.decoder, len(shares))(as_tensor(codes, network))
        mixed = self.link.mixed_reconstruction(raw, network.shared, shares)
        return self.output_units.leave(as_array(mixed), codes.dtype)

    def log_likelihood(
        self, network: VariationalAutoencoder, rows: NDArray, noise: Noise
    ) -> NDArray:
        """Return importance-weighted log-likelihoods, shape (n, 1).

        `rows` may have indicators of classes beside their features.
        """
        n_features = len(self.output_units.location)
        X, labels = np.split(rows, [n_features], axis=1)
        x = self._inputs(X)
        mean, log_var = network.posterior(as_tensor(x, network))
        drawn = noise.draw(torch.from_numpy(x)).to(mean)  # (n, n_codes, n_components)
        # the reparameterised draw, with one more axis for the codes of a row
        code = mean[:, None] + (log_var / 2).exp()[:, None] * drawn
        log_q = log_normal(drawn) - log_var.sum(1, keepdim=True) / 2
        target = as_tensor(self.output_units.enter(X), network)[:, None]
        log_weights = log_normal(code) - log_q
        log_prior_and_likelihood = [
            log_share + self.link.log_prob(raw, network.shared, target).sum(2)
            for log_share, raw in self._class_terms(network, code, as_tensor(labels, network))
        ]
        # a sum over the classes: (n_classes, n, n_codes) -> (n, n_codes)
        log_weights = log_weights + torch.stack(log_prior_and_likelihood).logsumexp(0)
        # a mean over the codes: (n, n_codes) -> (n,)
        log_mean = log_weights.logsumexp(1) - log(drawn.shape[1])
        # the Jacobian of the units: densities refer to X's own
        return as_array(log_mean)[:, None] - n_features * log(self.output_units.scale)

    def _class_terms(
        self, network: VariationalAutoencoder, code: Tensor, labels: Tensor
    ) -> Iterator[tuple[float, Tensor]]:
        """Yield the log-probability and the decoder's output of every class a row may have."""
        if self.shares is None:
            yield 0.0, network.decoder(code)
        elif labels.shape[1]:
            yield 0.0, network.decoder(code, labels[:, None])
        else:
            indicators = torch.eye(len(self.shares)).to(code)
            for share, indicator in zip(self.shares, indicators, strict=True):
                yield log(share), network.decoder(code, indicator)
