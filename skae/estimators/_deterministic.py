"""What the autoencoders with a reconstruction loss share."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae.estimators._blockwise import BlockwiseAutoencoder
from skae.estimators._bridge import Augmentations, as_array, as_tensor, torch_generator
from skae.estimators._denoising import make_corruption
from skae.starts._principal_axes import PrincipalAxes
from skae.rows._problem import Problem
from skae.starts._pca import LinearStart, denoising_start, logistic_decoder, pca_start
from skae.rows._units import Units
from skae.networks import Architecture, ToUnits
from skae.objectives import (
    LOSSES,
    Contractive,
    ElasticNet,
    Objective,
    ReconstructionLoss,
    Term,
)

MAX_REGRESSION_ROWS = 10_000
"""Rows from which is learnt what PCA does not give: logistic regressions, gains for denoising."""


class DeterministicAutoencoder(BlockwiseAutoencoder):
    """Abstract base of the autoencoders that start at PCA and minimise a reconstruction loss.

    They have the parameters `init`, `loss`, the penalties' and the corruption's.
    """

    @property
    def decoder_(self) -> nn.Module:
        """A copy of the decoder as a torch module, from codes to rows of X, in float32."""
        check_is_fitted(self)
        location, scale = self._output_units()
        decoder = deepcopy(self._network.module.decoder)
        module = ToUnits(decoder, self._link.mean, torch.from_numpy(location), scale)
        return module.float().requires_grad_(True)

    def _make_link(self, X: NDArray, source: Any) -> ReconstructionLoss:
        return LOSSES[self.loss]()

    def _see(self, X: NDArray, link: ReconstructionLoss) -> NDArray:
        low, high = link.support
        if X.min() < low or X.max() > high:
            raise ValueError(
                f"loss={self.loss!r} needs values in [{low:g}, {high:g}], but X has values in "
                f"[{X.min():.6g}, {X.max():.6g}]. Rescale X, for example with MinMaxScaler, or "
                "use loss='squared_error'."
            )
        return X

    def _make_augmentations(
        self,
        problem: Problem,
        architecture: Architecture,
        inputs: Tensor,
        random_state: np.random.RandomState,
    ) -> Augmentations:
        if self.corruption is None:
            return None, None
        generator = torch_generator(random_state)
        corruption = make_corruption(
            self.corruption, self.corruption_level, problem.units, inputs, generator
        )
        return corruption, corruption

    def _make_pca_start(
        self, pca: PrincipalAxes, n_components: int, random_state: np.random.RandomState
    ) -> LinearStart:
        """Return encoder and decoder of PCA."""
        return pca_start(pca, n_components, random_state)

    def _set_start(
        self, module: Any, problem: Problem, random_state: np.random.RandomState
    ) -> nn.Module | None:
        """Set the affine maps around which the network learns to PCA of the training rows."""
        if self.init == "random":
            return None
        rival = deepcopy(module)
        for network, rows in (module, problem.train), (rival, problem.rows):
            self._set_pca(network, problem, rows, random_state)
        return rival

    def _set_pca(
        self, network: Any, problem: Problem, rows: NDArray, random_state: np.random.RandomState
    ) -> None:
        n_components = len(network.encoder.bias)
        pca = problem.find_axes(rows, n_components, random_state)
        start = self._make_pca_start(pca, n_components, random_state)
        if self.corruption is not None or not problem.link.equivariant:
            start = self._fit_decoder(start, problem, rows[:MAX_REGRESSION_ROWS], random_state)
        network.encoder.set_affine_(*map(torch.from_numpy, start.encoder))
        network.decoder.set_affine_(*map(torch.from_numpy, start.decoder))

    def _fit_decoder(
        self,
        start: LinearStart,
        problem: Problem,
        rows: NDArray,
        random_state: np.random.RandomState,
    ) -> LinearStart:
        """Return PCA with a decoder for corrupted rows, or for a loss that is not PCA's."""
        X = problem.X[rows]
        seen = clean = problem.units.enter(X)
        if self.corruption is not None:
            seen = self._corrupt(self.corruption, clean, problem.units, random_state)
            start = denoising_start(start, clean, seen)
        if problem.link.equivariant:
            return start
        return start._replace(decoder=logistic_decoder(start.encoder(seen), X))

    def _corrupt(
        self, name: str, X: NDArray, units: Units, random_state: np.random.RandomState
    ) -> NDArray[np.float64]:
        """Return corrupted rows, in `units` like X."""
        clean = torch.from_numpy(X)
        generator = torch_generator(random_state)
        corruption = make_corruption(name, self.corruption_level, units, clean, generator)
        return corruption.corrupt(clean).numpy()

    def _make_objective(self, network: Any, link: Any, n_train: int) -> Objective:
        """Return the loss and the penalties that were asked for."""
        terms: dict[str, Term] = {"loss": link}
        if self.alpha > 0:
            weights = [p for p in network.parameters() if p.ndim > 1]
            terms["alpha"] = ElasticNet(weights, self.alpha, self.l1_ratio)
        if self.contractive > 0:
            terms["contractive"] = Contractive(network.encoder, self.contractive)
        return Objective(terms)

    def _encode(self, network: Any, X: NDArray) -> NDArray:
        return as_array(network.encoder(as_tensor(self._units.enter_as_given(X), network)))

    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        mean = self._link.mean(network.decoder(as_tensor(codes, network)))
        return self._output_units().leave(as_array(mean), codes.dtype)
