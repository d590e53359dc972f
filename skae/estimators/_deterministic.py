"""What the autoencoders with a reconstruction loss share."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae.estimators._base import BaseAutoencoder, Problem
from skae.estimators._bridge import Augmentations, as_array, as_tensor, torch_generator
from skae.estimators._denoising import make_corruption
from skae.networks import ToUnits
from skae.objectives import LOSSES, ReconstructionLoss


class DeterministicAutoencoder(BaseAutoencoder):
    """Abstract base of the autoencoders with the parameters `loss` and `corruption`."""

    @property
    def decoder_(self) -> nn.Module:
        """A copy of the decoder as a torch module, from codes to rows of X, in float32."""
        check_is_fitted(self)
        location, scale = self._output_units()
        decoder = deepcopy(self._network.module.decoder)
        module = ToUnits(decoder, self._link.mean, torch.from_numpy(location), scale)
        return module.float().requires_grad_(True)

    def _make_link(self, X: NDArray, source: Any) -> ReconstructionLoss:
        loss = LOSSES[self.loss]()
        low, high = loss.support
        if X.min() < low or X.max() > high:
            raise ValueError(
                f"loss={self.loss!r} needs values in [{low:g}, {high:g}], but X has values in "
                f"[{X.min():.6g}, {X.max():.6g}]. Rescale X, for example with MinMaxScaler, or "
                "use loss='squared_error'."
            )
        return loss

    def _suits_quasi_newton(self) -> bool:
        return self._is_linear() and self.corruption is None

    def _make_augmentations(
        self, problem: Problem, inputs: Tensor, random_state: np.random.RandomState
    ) -> Augmentations:
        if self.corruption is None:
            return None, None
        generator = torch_generator(random_state)
        corruption = make_corruption(
            self.corruption, self.corruption_level, problem.units, inputs, generator
        )
        return corruption, corruption

    def _encode(self, network: Any, X: NDArray) -> NDArray:
        return as_array(network.encoder(as_tensor(self._units.enter(X), network)))

    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        mean = self._link.mean(network.decoder(as_tensor(codes, network)))
        return self._output_units().leave(as_array(mean))
