"""The methods of autoencoders that are probability models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d
from torch import nn

from skae._arrays import to_numpy
from skae._types import Seed
from skae.engine import ShiftedNoise
from skae.estimators._base import BaseAutoencoder, check_codes
from skae.estimators._latent_model import LatentModel
from skae.estimators._likelihood import check_refusal
from skae.fitting._application import in_batches
from skae.fitting._dispatch import dispatched
from skae.networks import EveryClass, MeanEncoder, ToUnits
from skae.rows._classes import find_classes
from skae.rows._per_block import (
    by_blocks,
    dtype_of_scores,
    mean_over,
    rows_shape,
    scores_shape,
)
from skae.rows._random import torch_generator
from skae.rows._survey import as_rows
from skae.rows._validation import check_count


class GenerativeAutoencoder(BaseAutoencoder):
    """Abstract base of the autoencoders that are probability models.

    Their link is a likelihood; they have the fitted attributes `classes_`, `_class_shares` and
    `_score_seed`.
    """

    _link_parameter = "likelihood"
    _class_shares: list[float] | None
    _score_seed: int
    classes_: Any
    likelihood: str

    @dispatched
    def posterior(self, X: ArrayLike) -> tuple[NDArray, NDArray]:
        """Return the mean and the standard deviation of the posterior of codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        mean, std : ndarray of shape (n_samples, n_components)
            Mean and standard deviation of the normal q(z|x). :meth:`transform` returns `mean`.
        """
        check_is_fitted(self)
        X = self._validate_known(X)
        moments = in_batches(self, self._model.moments, X, 2 * self._n_features_out)
        # (n, 2 * n_components) -> (n, n_components) twice
        mean, log_var = np.split(moments, 2, axis=1)
        return mean, np.exp(log_var / 2)

    @dispatched
    def sample_posterior(
        self, X: ArrayLike, n_samples: int = 1, random_state: Seed = None
    ) -> NDArray:
        """Draw codes from the posterior of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            Rows to encode.
        n_samples : int, default=1
            Codes per row.
        random_state : int, RandomState instance or None, default=None
            Pass an int for the same codes at every call.

        Returns
        -------
        codes : ndarray of shape (n_samples_X, n_samples, n_components)
            Draws from q(z|x). `inverse_transform` takes them as
            ``codes.reshape(-1, n_components)``.
        """
        mean, std = self.posterior(X)
        check_count("n_samples", n_samples)
        shape = (len(mean), n_samples, mean.shape[1])
        noise = check_random_state(random_state).standard_normal(shape)
        return mean[:, None] + std[:, None] * noise.astype(mean.dtype)

    @by_blocks(scores_shape, dtype_of_scores)
    @dispatched
    def score_samples(
        self, X: ArrayLike, y: ArrayLike | None = None, *, n_importance_samples: int = 100
    ) -> NDArray:
        """Return the log-likelihood of every row, by importance sampling.

        ``log mean_s p(x, z_s) / q(z_s|x)`` with codes z_s drawn from q(z|x): on average a
        lower bound, that rises with the number of codes. The draws depend on the row alone: a
        row has the same value at every call, whatever the other rows are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Rows, in the support of the likelihood.
        y : array-like of shape (n_samples,), default=None
            Classes of the rows, for a conditional model; if not given, it is summed over the
            classes with their shares in the training data.
        n_importance_samples : int, default=100
            Codes per row. 1 is the evidence lower bound.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats, in X's own units; float64. If X is given in blocks, an iterator with one array
            per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        check_count("n_importance_samples", n_importance_samples)
        X = self._validate_known(X)
        check_refusal(self._link.refusal(as_rows(X)), self.likelihood)
        architecture = self._network.architecture
        # the draws depend on the row alone, so that scores do not depend on the other rows
        noise = ShiftedNoise(
            n_importance_samples, self._n_features_out, architecture.sizes[0], self._score_seed
        )
        if y is not None:
            self._check_conditional()
        rows = X if y is None else self._with_indicators(X, y)
        function = partial(self._model.log_likelihood, noise=noise)
        scores = in_batches(self, function, rows, 1, n_importance_samples)
        return scores[:, 0].astype(np.float64)

    @dispatched
    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Rows, in the support of the likelihood. Blocks are gone through once.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean of :meth:`score_samples`, in nats per row: to be compared with the `score` of
            :class:`~sklearn.decomposition.PCA`, :class:`~sklearn.decomposition.FactorAnalysis`
            and :class:`~sklearn.mixture.GaussianMixture`.
        """
        scores = self.score_samples(X)
        return float(scores.mean()) if hasattr(scores, "mean") else mean_over(scores)

    @by_blocks(rows_shape)
    @dispatched
    def inverse_transform(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components) or blocks
            Codes.
        y : array-like of shape (n_samples,), default=None
            Classes, for a conditional model; if not given, reconstructions are averaged over
            the classes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Expected values of the rows; for categories, the most probable ones. If X is
            given in blocks, an iterator with one array per block; for a dask collection, a dask
            array.
        """
        if y is None:
            return super().inverse_transform(X)
        check_is_fitted(self)
        self._check_conditional()
        rows = self._with_indicators(check_codes(self, X), y)
        return in_batches(self, self._model.decode_told, rows, self.n_features_in_)

    @by_blocks(rows_shape)
    @dispatched
    def reconstruct(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray:
        """Encode X and decode the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Rows to reconstruct.
        y : array-like of shape (n_samples,), default=None
            Classes, for a conditional model.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            As `inverse_transform` of `transform` gives it. If X is given in blocks, an iterator
            with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        if y is None:
            return super().reconstruct(X)
        # codes do not depend on the class, reconstructions do
        return self.inverse_transform(self._encode_all(self._validate_known(X)), y)

    @dispatched
    def sample(
        self,
        n_samples: int = 1,
        random_state: Seed = None,
        *,
        y: ArrayLike | None = None,
        observation_noise: bool = False,
    ) -> NDArray:
        """Draw new rows: codes from `latent_density_`, decoded.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Pass an int for the same rows at every call.
        y : class or array-like of shape (n_samples,), default=None
            Class of the rows, for a conditional model; if not given, classes are drawn with their
            shares in the training data.
        observation_noise : bool, default=False
            Whether to draw rows from the likelihood, so that they scatter as data do, and
            counts are whole numbers, instead of returning expected values.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            New rows, in float64.
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples)
        rng: np.random.RandomState = check_random_state(random_state)
        rows = self.latent_density_.sample(n_samples, rng)
        if self.classes_ is not None:
            if y is None:
                y = rng.choice(self._class_names, n_samples, p=self._class_shares)
            if np.ndim(y) and np.shape(y)[0] != n_samples:
                raise ValueError(
                    f"y must be one class, or {n_samples} of them. Got {np.shape(y)[0]}."
                )
            rows = self._with_indicators(rows, np.broadcast_to(np.asarray(y), n_samples))
        elif y is not None:
            self._check_conditional()
        decode: Callable[[Any, NDArray], NDArray] = self._model.decode_told
        if observation_noise:
            decode = partial(self._model.draw, generator=torch_generator(rng))
        return in_batches(self, decode, rows, self.n_features_in_)

    @dispatched
    def traverse(
        self,
        dims: int | Sequence[int] | None = None,
        values: ArrayLike = (-2.0, -1.0, 0.0, 1.0, 2.0),
        *,
        at: ArrayLike | None = None,
        y: ArrayLike | None = None,
    ) -> NDArray:
        """Decode a grid over some components of the code, the others being kept.

        Parameters
        ----------
        dims : int or sequence of int, default=None
            The components that vary. None: the first two, or the only one.
        values : array-like of shape (n_values,) or sequence of them, one per component
            Values that they take; a standard normal code is mostly between -2 and 2.
        at : array-like of shape (n_components,), default=None
            Values of the components that do not vary. None: zero, the mean of the prior.
        y : class, default=None
            For a conditional model.

        Returns
        -------
        X : ndarray of shape (n_values_0, n_values_1, ..., n_features)
            One axis for each of `dims`.
        """
        check_is_fitted(self)
        n_components = self._n_features_out
        varied = np.arange(min(2, n_components)) if dims is None else np.atleast_1d(dims)
        is_one_for_all = np.ndim(values[0]) == 0  # type: ignore[index]
        axes = [values] * len(varied) if is_one_for_all else list(values)  # type: ignore[arg-type]
        if len(axes) != len(varied) or not all(
            -n_components <= dim < n_components for dim in varied
        ):
            raise ValueError(
                f"dims must be components of {n_components}, and values as many arrays. Got "
                f"dims={varied.tolist()} and {len(axes)} arrays."
            )
        # (n_values_0, n_values_1, ..., n_varied)
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        at = np.zeros(n_components) if at is None else check_array(at, ensure_2d=False).ravel()
        if at.shape != (n_components,):
            raise ValueError(f"at must have {n_components} entries. Got shape {at.shape}.")
        codes = np.tile(at.astype(float), (*grid.shape[:-1], 1))
        codes[..., varied] = grid
        # the axes of the grid -> rows, and back when they are decoded
        codes = codes.reshape(-1, n_components)
        labels = None if y is None else np.broadcast_to(y, len(codes))
        return self.inverse_transform(codes, labels).reshape(*grid.shape[:-1], -1)

    @property
    def decoder_(self) -> nn.Module:
        """A copy of the decoder as a torch module, from codes to rows of X, in float32."""
        check_is_fitted(self)
        location, scale = self._output_units()
        decoder = deepcopy(self._network.module.decoder)
        mean = partial(self._link.mean, shared=self._network.module.shared.float())
        module = ToUnits(decoder, mean, torch.from_numpy(location), scale)
        return module.float().requires_grad_(True)

    @property
    def _class_names(self) -> NDArray:
        """The classes as numpy's, where fit was given tensors."""
        return to_numpy(self.classes_)

    def _transform_module(self) -> nn.Module:
        return MeanEncoder(self._link.inputs, self.encoder_, self._n_features_out)

    def _inverse_transform_module(self) -> nn.Module:
        decoder: nn.Module = deepcopy(self._network.module.decoder)
        shared = self._network.module.shared.float()
        show = partial(self._link.reconstruction, shared=shared)
        if self._class_shares is not None:
            shares = torch.tensor(self._class_shares)
            decoder = EveryClass(decoder, len(shares))
            show = partial(self._link.mixed_reconstruction, shared=shared, shares=shares)
        location, scale = self._output_units()
        return ToUnits(decoder, show, torch.from_numpy(location), scale).float()

    @property
    def _model(self) -> LatentModel:
        """The fitted model, as functions of its network and of rows."""
        return LatentModel(
            self._link,
            self._units,
            self._output_units(),
            self._n_features_out,
            self._class_shares,
        )

    def _encode(self, network: Any, X: NDArray) -> NDArray:
        return self._model.encode(network, X)

    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        return self._model.decode(network, codes)

    def _check_conditional(self) -> None:
        if self.classes_ is None:
            raise ValueError(
                "y was given, but the model is not conditional. Fit it with conditional=True."
            )

    def _with_indicators(self, rows: NDArray, y: ArrayLike) -> NDArray:
        """Return rows with indicators of their classes beside them, if the model has classes."""
        if self.classes_ is None:
            return rows
        classes: NDArray = column_or_1d(y)
        check_consistent_length(rows, classes)
        index = find_classes(self._class_names, classes)
        return np.hstack([rows, np.eye(len(self._class_names), dtype=rows.dtype)[index]])
