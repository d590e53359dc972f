"""What all autoencoders share: the public methods, written once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, assert_all_finite, check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d
from torch import nn

from skae._arrays import to_numpy
from skae._types import Seed
from skae.blocks import Blocks, is_empty
from skae.estimators._torch_estimator import TorchEstimator
from skae.fitting._application import as_array, as_tensor, in_batches
from skae.fitting._dispatch import dispatched, dispatched_fit
from skae.fitting._fit import fit_estimator, fit_estimator_once
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import validated_fit
from skae.latent import Density, LatentDensity, StandardNormal, SupportDensity
from skae.networks import FromUnits, ToUnits
from skae.rows._classes import find_classes, list_classes
from skae.rows._explained_variance import ExplainedShare, explained_share
from skae.rows._per_block import (
    by_blocks,
    check_single,
    codes_shape,
    dtype_of_scores,
    find_blocks_for,
    rows_shape,
    scores_shape,
)
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._units import Units
from skae.rows._validation import check_count, detached, reading

MAX_CODES = 10_000
"""Codes that are kept for the density from which `sample` draws."""


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TorchEstimator):
    """Abstract base of the autoencoders."""

    _has_classes: ClassVar[bool] = False
    """Whether y has a class for every row, of which the network is told."""
    _units: Units
    _link: Any
    latent_density: str | Density
    classes_: Any

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.array_api_support = True
        return tags

    @dispatched_fit
    @validated_fit
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn to encode and to reconstruct the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Training data. Blocks are read one at a time, once before the training and once for
            every epoch:

            - a memory map of at least 512 MB, an array of zarr;
            - an array or a dataframe of dask;
            - a `ParquetFile` or a `Dataset` of pyarrow, a path that ends in ".parquet";
            - a list of arrays or dataframes, but for images, of which it would be a list; any
              object whose `__iter__` yields arrays or dataframes, the same ones every time, such as
              a `DataLoader` of torch.

            Read more in the :doc:`user guide </user_guide/larger_than_memory>`.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or a parameter is not valid, if a block cannot be read, or if the training
            diverges.
        """
        fit_estimator(self, X, y)
        return self

    @dispatched_fit
    @validated_fit
    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Go over X once, and learn from each of its rows.

        The first call starts where :meth:`fit` does, for its X, whose units are those of all later
        calls. Later calls, also after :meth:`fit`, go on with the weights
        that there are and with the state of the optimiser; files and pickles keep the weights
        alone. The learning rate is constant after a warm-up over the first 5 % of `max_iter`
        calls. No rows are held out, so the start is never restored, even if training made the
        model worse.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Training data, with the same features in all calls; blocks as for :meth:`fit`.
        y : array-like, default=None
            As for :meth:`fit`. All classes are in the first call, as all categories are for
            ``likelihood="categorical"``.

        Returns
        -------
        self : object
            The fitted estimator. `n_iter_` is the number of calls; fitted attributes that describe
            rows are found from the last X.

        Raises
        ------
        ValueError
            If X or a parameter is not valid, or if the training diverges.
        """
        fit_estimator_once(self, X, y)
        return self

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        """Set the fitted attributes that all autoencoders have."""
        # drawn whether codes are many or few, so that later draws do not depend on it
        kept_rows = random_state.permutation(len(problem.target))[:MAX_CODES]
        seed = random_state.randint(2**31 - 1)
        self._keep_history(fitted)
        self._is_interrupted = fitted.history.is_interrupted
        self._units = problem.units
        self._link = problem.link
        self.n_components_ = fitted.network.architecture.sizes[-1]
        self.mean_ = problem.units.location
        codes = self._encode_all(problem.target[kept_rows])
        self.latent_density_ = make_density(self.latent_density, codes, seed)
        return []

    def _in_given_shape(self, rows: NDArray) -> NDArray:
        """Return rows in the shape that the rows of X had in fit."""
        return rows

    def _clip_codes(self, codes: NDArray) -> NDArray:
        """Return draws from a density as codes that the encoder might give."""
        return codes

    def _list_labels(self, y: Blocks, source: Self | None) -> NDArray | None:
        if not is_told_classes(self):
            return None
        # the classes of all rows are one array, also where X comes in blocks
        ((_, classes),) = y.read()
        return list_row_classes(self, classes, source)

    def _read(self, X: object, y: object, *, reset: bool) -> Rows:
        X = self._validate(X, reset=reset)
        if not is_told_classes(self):
            return Rows(X, X)
        classes: NDArray = column_or_1d(y)
        check_consistent_length(X, classes)
        names = to_numpy(self.classes_)
        # (n,) -> (n, n_classes)
        return Rows(X, X, np.eye(len(names))[find_classes(names, classes)])

    def _validate_known(self, X: object) -> NDArray:
        """Return rows for a fitted estimator."""
        return self._validate(X, reset=False)

    @by_blocks(codes_shape)
    @dispatched
    def transform(self, X: ArrayLike) -> NDArray:
        """Encode X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, in the dtype of X if that is float32, else in float64. If X is given in blocks,
            an iterator with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        return self._encode_all(self._validate_known(X))

    @by_blocks(rows_shape)
    @dispatched
    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components) or blocks
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, in the units of the training data. If X is given in blocks, an
            iterator with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        codes = check_codes(self, X)
        return self._in_given_shape(in_batches(self, self._decode, codes, self.n_features_in_))

    @by_blocks(rows_shape)
    @dispatched
    def reconstruct(self, X: ArrayLike) -> NDArray:
        """Encode X and decode the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Rows to reconstruct.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            As `inverse_transform` of `transform` gives it. If X is given in blocks, an iterator
            with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        return self._in_given_shape(self._reconstruct_all(self._validate_known(X)))

    @by_blocks(scores_shape, dtype_of_scores)
    @dispatched
    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return the negative squared reconstruction error of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Rows to reconstruct.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            The squared error, summed over the features, with a minus sign: the higher the
            better. In squared units of X. If X is given in blocks, an iterator with one array per
            block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        X = self._validate_known(X)
        # in double precision: squares of float32 values may overflow
        errors = np.subtract(X, self._reconstruct_all(X), dtype=np.float64)
        return -np.square(errors, out=errors).sum(axis=1)

    @dispatched
    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the share of the variance of X that the reconstruction explains.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            At least two rows. Blocks are gone through once.
        y : None
            Ignored.

        Returns
        -------
        score : float
            ``1 - SSE / SST``, the variance-weighted R2 against the means of this X, over the
            features that vary in it. On the training data it is comparable to
            ``PCA.explained_variance_ratio_.sum()``.
        """
        check_is_fitted(self)
        blocks = find_blocks_for(self, X)
        if blocks is not None:
            return score_blocks(self, blocks)
        X = self._validate_known(X)
        check_two_rows(X, self)
        return explained_share(X, self._reconstruct_all(X))

    @dispatched
    def sample(self, n_samples: int = 1, random_state: Seed = None) -> NDArray:
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
        check_count("n_samples", n_samples)
        codes = self.latent_density_.sample(n_samples, check_random_state(random_state))
        codes = self._clip_codes(codes)
        return self._in_given_shape(in_batches(self, self._decode, codes, self.n_features_in_))

    @property
    def encoder_(self) -> nn.Module:
        """A copy of the encoder as a torch module that takes rows of X, in float32."""
        check_is_fitted(self)
        location, scale = self._units
        encoder = FromUnits(
            torch.from_numpy(location), scale, deepcopy(self._network.module.encoder)
        )
        return encoder.float().requires_grad_(True)

    @property
    def decoder_(self) -> nn.Module:
        """A copy of the decoder as a torch module, from codes to rows of X, in float32."""
        check_is_fitted(self)
        location, scale = self._output_units()
        decoder = deepcopy(self._network.module.decoder)
        module = ToUnits(decoder, self._link.mean, torch.from_numpy(location), scale)
        return module.float().requires_grad_(True)

    def _transform_module(self) -> nn.Module:
        """Return what `transform` does to rows as they were in fit, as a torch module in float32.

        Raises
        ------
        ValueError
            If it is no function of tensors.
        """
        return self.encoder_

    def _inverse_transform_module(self) -> nn.Module:
        """Return what `inverse_transform` does to codes, as a torch module in float32."""
        return self.decoder_

    @property
    def _n_features_out(self) -> int:
        return self._network.architecture.sizes[-1]

    def _encode(self, network: Any, X: NDArray) -> NDArray:
        """Return the codes of rows."""
        return as_array(network.encoder(as_tensor(self._units.enter_as_given(X), network)))

    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        """Return the rows that codes stand for, in their own units."""
        mean = self._link.mean(network.decoder(as_tensor(codes, network)))
        return self._output_units().leave(as_array(mean), codes.dtype)

    def _output_units(self) -> Units:
        """Return the units of the decoder's means."""
        if self._link.equivariant:
            return self._units
        return Units(np.zeros(self.n_features_in_), 1.0)

    def _encode_all(self, X: NDArray) -> NDArray:
        """Return the codes of validated rows."""
        return in_batches(self, self._encode, X, self._n_features_out)

    def _reconstruct_all(self, X: NDArray) -> NDArray:
        """Return validated rows, encoded and decoded batch by batch."""

        def reconstruct(network: Any, rows: NDArray) -> NDArray:
            return self._decode(network, self._encode(network, rows))

        return in_batches(self, reconstruct, X, X.shape[1])


def is_told_classes(estimator: BaseAutoencoder) -> bool:
    """Whether the network is told the classes of rows."""
    return estimator._has_classes or getattr(estimator, "conditional", False)


def check_two_rows(X: NDArray, estimator: object) -> None:
    """Raise ValueError if there are not enough rows for a variance."""
    if len(X) < 2:
        raise ValueError(
            f"Found array with {len(X)} sample(s) (shape={X.shape}) while a minimum of 2 is "
            f"required by {type(estimator).__name__}."
        )


def score_blocks(estimator: BaseAutoencoder, blocks: Blocks) -> float:
    """Return the share of the variance of all rows that is explained, in one pass."""
    explained = ExplainedShare(estimator.n_features_in_)
    for number, block in blocks.read():
        if is_empty(block):
            continue
        with blocks.naming(number):
            check_single(estimator, block)
            X = estimator._validate_known(block)
            explained.add(X, estimator._reconstruct_all(X))
    return explained.share


def check_codes(estimator: BaseAutoencoder, X: ArrayLike) -> NDArray:
    """Return X as codes, if it has one column per component."""
    with reading():
        codes = check_array(
            detached(X), dtype=[np.float64, np.float32], estimator=estimator, input_name="X"
        )
    if codes.shape[1] != estimator._n_features_out:
        raise ValueError(
            f"X has {codes.shape[1]} columns, but {type(estimator).__name__}.inverse_transform "
            f"expects codes with {estimator._n_features_out}: one per component."
        )
    return codes


def make_density(
    latent_density: str | Density, codes: NDArray, seed: int
) -> StandardNormal | SupportDensity | LatentDensity:
    """Return the density that `sample` draws codes from, by the name that users give it."""
    if isinstance(latent_density, str) and latent_density == "prior":
        return StandardNormal(codes.shape[1])
    if isinstance(latent_density, str) and latent_density == "support":
        return SupportDensity(codes)
    return LatentDensity(latent_density, codes, seed)


def list_row_classes(
    estimator: BaseAutoencoder, y: object, source: BaseAutoencoder | None
) -> NDArray:
    """Return the classes of rows, sorted; those of the estimator to go on from, if there is one.

    Raises
    ------
    ValueError
        If y is missing, or if it is not one class for every row.
    """
    if y is None:
        name = type(estimator).__name__
        condition = "" if estimator._has_classes else " with conditional=True"
        raise ValueError(f"{name}{condition} requires y to be passed, but the target y is None.")
    classes: NDArray = column_or_1d(y, warn=True)
    assert_all_finite(classes, input_name="y")
    seen = list_classes(classes)
    check_classification_targets(classes)
    if source is not None and source.classes_ is None:
        raise ValueError("warm_start needs a conditional model, as conditional=True.")
    return seen if source is None else to_numpy(source.classes_)
