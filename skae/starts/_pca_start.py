"""Networks that start at PCA, or at the best linear decoder of its codes."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

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
"""Rows for what PCA does not give: logistic regressions, and gains for denoising."""


@dataclass(frozen=True)
class PCAStart:
    """Sets the affine maps around which a network learns to PCA of the training rows.

    Attributes
    ----------
    problem : Problem
    is_tied : bool
        Whether the decoder is the encoder's transpose.
    corruption : CorruptionPlan or None
        If there is one, the decoder shrinks what the corruption adds to each component.
    """

    problem: Problem
    is_tied: bool = False
    corruption: CorruptionPlan | None = None

    def __call__(self, module: Any, random_state: np.random.RandomState) -> Any:
        """Set the network; return the same for all rows."""
        rival = deepcopy(module)
        for network, rows in (module, self.problem.train), (rival, self.problem.all_rows):
            self._set(network, rows, random_state)
        return rival

    def _set(self, network: Any, rows: NDArray, random_state: np.random.RandomState) -> None:
        n_components = len(network.encoder.bias)
        pca = axes_of(self.problem, rows, n_components, random_state)
        make_start = tied_pca_start if self.is_tied else pca_start
        start = make_start(pca, n_components, random_state)
        if self.corruption is not None or not self.problem.link.equivariant:
            start = self._fit_decoder(start, rows[:MAX_REGRESSION_ROWS], random_state)
        network.encoder.set_affine_(*map(torch.from_numpy, start.encoder))
        network.decoder.set_affine_(*map(torch.from_numpy, start.decoder))

    def _fit_decoder(
        self, start: LinearStart, rows: NDArray, random_state: np.random.RandomState
    ) -> LinearStart:
        """Return PCA with a decoder for corrupted rows, or for a loss that is not PCA's."""
        X, units = self.problem.target[rows], self.problem.units
        seen = clean = units.enter(X)
        if self.corruption is not None:
            seen = self.corruption.corrupt(clean, units, random_state)
            start = denoising_start(start, clean, seen)
        if self.problem.link.equivariant:
            return start
        return start._replace(decoder=logistic_decoder(start.encoder(seen), X))
