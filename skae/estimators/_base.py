"""What all autoencoders share: the public methods, written once."""

from abc import abstractmethod
from copy import deepcopy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array, check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae.engine import Corruption
from skae.estimators._bridge import TorchEstimator, as_array, as_tensor, torch_generator
from skae.estimators._denoising import make_corruption
from skae.estimators._fitted import Architecture, FittedNetwork
from skae.estimators._parameters import validated_fit
from skae.estimators._units import Units
from skae.estimators._warm_start import find_source
from skae.latent import LatentDensity
from skae.networks import FromUnits, ToUnits
from skae.objectives import LOSSES, ReconstructionLoss

MAX_CODES = 10_000
"""Codes that are kept for the density from which `sample` draws."""


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TorchEstimator):
    """Abstract base of the autoencoders.

    A subclass says how its network is made and what is minimised.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @abstractmethod
    def _make_architecture(self, n_features: int) -> Architecture:
        """Return the plan of the network; its `sizes` are those of the data and the code."""

    @abstractmethod
    def _set_start(
        self,
        module: Any,
        X: NDArray,
        units: Units,
        split: tuple[NDArray, NDArray],
        random_state: np.random.RandomState,
    ) -> nn.Module | None:
        """Set a new network to its start.

        Returns
        -------
        rival : nn.Module or None
            If the start is an optimum: the optimum for all rows, held-out ones included, which
            the trained network must beat to be kept.
        """

    @validated_fit
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn to encode and to reconstruct the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or a parameter is not valid, or if the training diverges.
        """
        X = self._validate(X, reset=True, min_samples=2)
        random_state = check_random_state(self.random_state)
        loss = self._make_loss(X)
        source = find_source(self, self.warm_start)
        units = Units.of(X) if source is None else source._units
        dtype = np.float64 if self._is_quasi_newton() else np.float32
        inputs, target = _training_tensors(X, units, loss, dtype)
        split = self._split(len(X), random_state)
        noise = self._make_noise(inputs, units, random_state)
        batches = self._make_batches(inputs, target, split, noise, random_state)

        architecture = self._make_architecture(X.shape[1])
        if source is None:
            module = architecture.build(torch_generator(random_state))
            rival = self._set_start(module, X, units, split, random_state)
        else:
            module = _copy_of(source._network, architecture)
            rival = None
        history = self._train(module, batches, rival)
        if rival is not None and history.kept == 0:
            module = rival
        kept_rows = random_state.permutation(len(X))[:MAX_CODES]
        seed = random_state.randint(2**31 - 1)

        self._units = units
        self._loss = loss
        self._network = FittedNetwork(architecture, module)
        self.mean_ = units.location
        self.loss_curve_ = history.training
        self.validation_curve_ = history.validation or None
        self.n_iter_ = history.n_epochs
        self.best_iter_ = history.kept
        codes = self._encode_all(X[kept_rows])
        self.latent_density_ = LatentDensity(self.latent_density, codes, seed)
        return self

    def _make_noise(
        self, inputs: Tensor, units: Units, random_state: np.random.RandomState
    ) -> Corruption | None:
        """Return the noise that is put on the inputs in training, if any."""
        if self.corruption is None:
            return None
        generator = torch_generator(random_state)
        return make_corruption(self.corruption, self.corruption_level, units, inputs, generator)

    def _make_loss(self, X: NDArray) -> ReconstructionLoss:
        """Return the reconstruction loss, if the data are in its support."""
        loss = LOSSES[self.loss]()
        low, high = loss.support
        if X.min() < low or X.max() > high:
            raise ValueError(
                f"loss={self.loss!r} needs values in [{low:g}, {high:g}], but X has values in "
                f"[{X.min():.6g}, {X.max():.6g}]. Rescale X, for example with MinMaxScaler, or "
                "use loss='squared_error'."
            )
        return loss

    def transform(self, X: ArrayLike) -> NDArray:
        """Encode X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, in the dtype of X if that is float32, else in float64.
        """
        check_is_fitted(self)
        return self._encode_all(self._validate(X, reset=False))

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, in the units of the training data.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=[np.float64, np.float32], estimator=self, input_name="X")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but {type(self).__name__}.inverse_transform "
                f"expects codes with {self._n_features_out}: one per component."
            )
        return self._in_batches(self._decode, codes, self.n_features_in_)

    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Encode X and decode the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            As `inverse_transform` of `transform` gives it.
        """
        check_is_fitted(self)
        return self._reconstruct_all(self._validate(X, reset=False))

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return the negative squared reconstruction error of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The squared error, summed over the features, with a minus sign: the higher the
            better. In squared units of X.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        return -np.square(X - self._reconstruct_all(X), dtype=np.float64).sum(axis=1)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the share of the variance of X that the reconstruction explains.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At least two rows.
        y : None
            Ignored.

        Returns
        -------
        score : float
            ``1 - SSE / SST``, the variance-weighted R2 against the means of this X. On the
            training data it is comparable to ``PCA.explained_variance_ratio_.sum()``.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False, min_samples=2)
        return float(r2_score(X, self._reconstruct_all(X), multioutput="variance_weighted"))

    def sample(self, n_samples: int = 1, random_state: Any = None) -> NDArray:
        """Draw new rows: codes from `latent_density_`, decoded.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Pass an int for the same rows at every call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Expected values of the rows, without the noise of single measurements.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, int | np.integer) or n_samples < 1:
            raise ValueError(f"n_samples must be an int of at least 1. Got {n_samples!r} instead.")
        codes = self.latent_density_.sample(n_samples, check_random_state(random_state))
        return self._in_batches(self._decode, codes, self.n_features_in_)

    @property
    def encoder_(self) -> nn.Module:
        """A copy of the encoder as a torch module, from rows of X to codes, in float32."""
        location = torch.from_numpy(self._units.location)
        encoder = deepcopy(self._network.module.encoder)
        return FromUnits(location, self._units.scale, encoder).float().requires_grad_(True)

    @property
    def decoder_(self) -> nn.Module:
        """A copy of the decoder as a torch module, from codes to rows of X, in float32."""
        location, scale = self._output_units()
        decoder = deepcopy(self._network.module.decoder)
        module = ToUnits(decoder, self._loss.mean, torch.from_numpy(location), scale)
        return module.float().requires_grad_(True)

    @property
    def _n_features_out(self) -> int:
        return self._network.architecture.sizes[-1]

    def _output_units(self) -> Units:
        """Return the units of the decoder's means."""
        if self._loss.equivariant:
            return self._units
        return Units(np.zeros_like(self._units.location), 1.0)

    def _encode(self, network: Any, X: NDArray) -> NDArray:
        return as_array(network.encoder(as_tensor(self._units.enter(X), network)))

    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        mean = self._loss.mean(network.decoder(as_tensor(codes, network)))
        return self._output_units().leave(as_array(mean))

    def _reconstruct(self, network: Any, X: NDArray) -> NDArray:
        return self._decode(network, self._encode(network, X))

    def _encode_all(self, X: NDArray) -> NDArray:
        return self._in_batches(self._encode, X, self._n_features_out)

    def _reconstruct_all(self, X: NDArray) -> NDArray:
        return self._in_batches(self._reconstruct, X, X.shape[1])


def _copy_of(network: FittedNetwork, architecture: Architecture) -> nn.Module:
    """Return the module of a fitted network, if it is of the given architecture."""
    if network.architecture != architecture:
        raise ValueError(
            "warm_start needs a fitted network of the same shape. It is "
            f"{network.architecture}, but the parameters and X ask for {architecture}."
        )
    return deepcopy(network.module)


def _training_tensors(
    X: NDArray, units: Units, loss: ReconstructionLoss, dtype: type[np.floating]
) -> tuple[Tensor, Tensor]:
    """Return what the network sees and what it is held against."""
    inputs = np.empty(X.shape, dtype)
    for rows in gen_batches(len(X), max(1, 10**6 // X.shape[1])):
        inputs[rows] = units.enter(X[rows])
    seen = torch.from_numpy(inputs)
    return seen, seen if loss.equivariant else torch.from_numpy(X.astype(dtype))
