"""Networks that start at PCA, or at PCA with a decoder for a corruption or another loss."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skae.networks import AroundLinear
from skae.rows._corruption import CorruptionPlan
from skae.rows._problem import Problem
from skae.starts._pca import (
    LinearStart,
    denoising_start,
    logistic_decoder,
    pca_start,
    tied_pca_start,
)
from skae.starts._principal_axes import axes_of

MAX_REGRESSION_ROWS = 10_000
"""Decoders for a corruption, or for a loss that is not PCA's, are fitted to at most these rows."""


class LinearAutoencoder(Protocol):
    """An autoencoder whose encoder and decoder learn around affine maps."""

    encoder: AroundLinear
    decoder: AroundLinear


@dataclass(frozen=True)
class PCAStart:
    """Sets the affine maps around which a network learns to PCA of the training rows.

    Attributes
    ----------
    problem : Problem
    is_tied : bool
        Whether the decoder is the encoder's transpose.
    corruption : CorruptionPlan or None
        If there is one, the decoder shrinks components to undo it.
    """

    problem: Problem
    is_tied: bool = False
    corruption: CorruptionPlan | None = None

    def __call__(self, module: nn.Module, random_state: np.random.RandomState) -> nn.Module:
        """Set the network to PCA of the training rows; return its baseline, PCA of all rows."""
        baseline = deepcopy(module)
        for network, rows in (module, self.problem.train), (baseline, self.problem.all_rows):
            self._set(cast(LinearAutoencoder, network), rows, random_state)
        return baseline

    def _set(
        self, network: LinearAutoencoder, rows: NDArray, random_state: np.random.RandomState
    ) -> None:
        n_components = len(network.encoder.bias)
        pca = axes_of(self.problem, rows, n_components, random_state)
        make_start = tied_pca_start if self.is_tied else pca_start
        start = make_start(pca, n_components, random_state)
        if self.corruption is not None or not self.problem.link.equivariant:
            # rows are in random order: the first ones stand for the others
            start = self._fit_decoder(start, rows[:MAX_REGRESSION_ROWS], random_state)
        network.encoder.set_affine_(*map(torch.from_numpy, start.encoder))
        network.decoder.set_affine_(*map(torch.from_numpy, start.decoder))

    def _fit_decoder(
        self, start: LinearStart, rows: NDArray, random_state: np.random.RandomState
    ) -> LinearStart:
        """Return PCA with another decoder: for corrupted rows, or for a loss that is not PCA's."""
        X, units = self.problem.target[rows], self.problem.units
        seen = clean = units.enter(X)
        if self.corruption is not None:
            seen = self.corruption.corrupt(clean, units, random_state)
            start = denoising_start(start, clean, seen)
        if self.problem.link.equivariant:
            return start
        return start._replace(decoder=logistic_decoder(start.encoder(seen), X))
