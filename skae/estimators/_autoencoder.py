"""The autoencoder that starts at PCA."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators._base import BaseAutoencoder
from skae.estimators._parameters import LATENT, TRAINING
from skae.estimators._principal_axes import principal_axes
from skae.estimators._starts import AffineMap, logistic_decoder, pca_start, tied_pca_start
from skae.estimators._units import Units
from skae.networks import ACTIVATIONS, DenseArchitecture
from skae.objectives import LOSSES, Contractive, ElasticNet, Objective, Term


class AutoencoderTransformer(BaseAutoencoder):
    """Nonlinear dimensionality reduction that starts at PCA and only gets better.
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **LATENT,
        **TRAINING,
        "hidden_layer_sizes": [
            StrOptions({"auto"}),
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "init": [StrOptions({"pca", "random"})],
        "tied_weights": ["boolean"],
        "loss": [StrOptions(set(LOSSES))],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden_layer_sizes: Literal["auto"] | int | Sequence[int] = "auto",
        activation: str = "silu",
        init: Literal["pca", "random"] = "pca",
        tied_weights: bool = False,
        loss: str = "squared_error",
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        contractive: float = 0.0,
        corruption: Literal["gaussian", "masking", "salt_and_pepper"] | None = None,
        corruption_level: float = 0.3,
        weight_decay: float = 1.0,
        learning_rate: Literal["cosine", "constant"] = "cosine",
        learning_rate_init: float = 3e-3,
        batch_size: Literal["auto"] | int = "auto",
        max_iter: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        warm_start: Any = False,
        latent_density: Any = "gmm",
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.tied_weights = tied_weights
        self.loss = loss
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.contractive = contractive
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.latent_density = latent_density
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _make_architecture(self, n_features: int) -> DenseArchitecture:
        """Return an encoder of the given widths and the decoder that mirrors it."""
        return DenseArchitecture(
            sizes=(n_features, *self._hidden_sizes(n_features), int(self.n_components)),
            activation=self.activation,
            tied_weights=self.tied_weights,
            linear_start=self.init == "pca",
        )

    def _hidden_sizes(self, n_features: int) -> tuple[int, ...]:
        """Return the widths of the encoder's hidden layers.

        "auto": two layers, about four times as wide as the data, from 128 to 512.
        """
        if isinstance(self.hidden_layer_sizes, str):
            width = 2 ** round(np.log2(4 * n_features))
            return (max(128, min(512, width)),) * 2
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if sizes.ndim > 1 or (sizes.size and (sizes.dtype.kind not in "iu" or sizes.min() < 1)):
            raise ValueError(
                "The 'hidden_layer_sizes' parameter must be 'auto', an int or a sequence of ints, "
                f"all at least 1. Got {self.hidden_layer_sizes!r} instead."
            )
        return tuple(int(size) for size in sizes)

    def _set_start(
        self, network: Any, X: NDArray, units: Units, random_state: np.random.RandomState
    ) -> None:
        """Set the affine maps around which the network learns to PCA."""
        if self.init == "random":
            return
        pca = principal_axes(X, units, self.n_components, random_state)
        make_start = tied_pca_start if self.tied_weights else pca_start
        encoder, decoder = make_start(pca, self.n_components, random_state)
        if not LOSSES[self.loss].equivariant:
            decoder = logistic_decoder(units.enter(X) @ encoder.weight.T, X)
        _set(network.encoder, encoder)
        _set(network.decoder, decoder)

    def _make_objective(self, network: Any) -> Objective:
        """Return the loss and the penalties that were asked for."""
        terms: dict[str, Term] = {"loss": LOSSES[self.loss]()}
        if self.alpha > 0:
            weights = [p for p in network.parameters() if p.ndim > 1]
            terms["alpha"] = ElasticNet(weights, self.alpha, self.l1_ratio)
        if self.contractive > 0:
            terms["contractive"] = Contractive(network.encoder, self.contractive)
        return Objective(terms)

    def _total_weight_decay(self) -> float:
        """Return `weight_decay`; none without hidden layers, where the optimum is PCA."""
        is_linear = not isinstance(self.hidden_layer_sizes, str) and not np.size(
            self.hidden_layer_sizes
        )
        return 0.0 if is_linear else self.weight_decay


def _set(network: Any, start: AffineMap) -> None:
    network.set_affine_(*map(torch.from_numpy, start))
