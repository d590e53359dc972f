"""What all autoencoders share: the public methods, written once."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae.blocks import Blocks, is_empty
from skae.engine import ALONE, Batches, FindKept, History, Loader, Peers, find_peers
from skae.estimators._bridge import (
    Augmentations,
    TorchEstimator,
    set_parameters_,
    torch_generator,
)
from skae.rows._per_block import (
    by_blocks,
    check_single,
    codes_shape,
    dtype_of_scores,
    find_blocks_for,
    rows_shape,
    scores_shape,
)
from skae.fitting._callbacks import CallbackSupportMixin, FitTask
from skae.fitting._checkpoints import make_checkpoint
from skae.fitting._dispatch import dispatched, dispatched_fit
from skae.fitting._fitted import FittedNetwork
from skae.rows._joined_surveys import check_alone, share_network
from skae.fitting._parameters import validated_fit
from skae.rows._problem import Classes, Problem, training_tensors
from skae.rows._validation import detached, reading
from skae.rows._explained_variance import ExplainedShare, explained_share
from skae.rows._units import Units
from skae.fitting._warm_start import check_same_features, check_same_link, copy_of, find_source
from skae.latent import LatentDensity
from skae.networks import Architecture, FromUnits

MAX_CODES = 10_000
"""Codes that are kept for the density from which `sample` draws."""


class BaseAutoencoder(
    ClassNamePrefixFeaturesOutMixin, CallbackSupportMixin, TransformerMixin, TorchEstimator
):
    """Abstract base of the autoencoders.

    A subclass says how its network is made and what is minimised.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.array_api_support = True
        return tags

    @abstractmethod
    def _make_link(self, X: NDArray, source: Any) -> Any:
        """Return what the decoder's output means, if X is in its support.

        `source` is the fitted estimator to go on from, or None.
        """

    @abstractmethod
    def _make_architecture(self, problem: Problem) -> Architecture:
        """Return the plan of the network; its `sizes` run from the data to the code."""

    @abstractmethod
    def _set_start(
        self, module: Any, problem: Problem, random_state: np.random.RandomState
    ) -> nn.Module | None:
        """Set a new network to its start.

        Returns
        -------
        rival : nn.Module or None
            If the start is an optimum: the optimum for all rows, held-out ones included, which
            the trained network must beat to be kept.
        """

    @abstractmethod
    def _make_augmentations(
        self,
        problem: Problem,
        architecture: Architecture,
        inputs: Tensor,
        random_state: np.random.RandomState,
    ) -> Augmentations:
        """Return what is done to each batch as it is served, if anything."""

    @abstractmethod
    def _encode(self, network: Any, X: NDArray) -> NDArray:
        """Return the codes of rows."""

    @abstractmethod
    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        """Return the rows that codes stand for, in their own units."""

    def _fix_link(self, link: Any, units: Units) -> Any:
        """Return the link with what is given of it, in units of the network."""
        return link

    def _see(self, X: NDArray, link: Any) -> NDArray:
        """Return what the encoder sees of rows, in the rows' units."""
        return X

    def _find_units(self, X: NDArray) -> Units:
        """Return the units in which rows are encoded."""
        return Units.of(X)

    def _find_classes(self, X: NDArray, y: Any, source: Any) -> Classes | None:
        """Return what the network is told of the rows beside them."""
        return None

    def _as_given(self, rows: NDArray) -> NDArray:
        """Return rows in the shape that the rows of X had in fit."""
        return rows

    def _find_codes(self, codes: NDArray) -> NDArray:
        """Return draws from a density as codes that the encoder might give."""
        return codes

    def _make_density(self, codes: NDArray, seed: int) -> Any:
        """Return what `sample` draws codes from."""
        return LatentDensity(self.latent_density, codes, seed)

    @dispatched_fit
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
        task = FitTask(self, X, y)
        with find_peers() as peers:
            source = find_source(self, self.warm_start)
            random_state = peers.share(check_random_state(self.random_state))
            seed = random_state.get_state()
            problem = self._read_problem(X, y, source, random_state, peers)
            self._learn(problem, source, seed, random_state, task)
        task.end()
        return self

    def _read_problem(
        self, X: Any, y: Any, source: Any, random_state: np.random.RandomState, peers: Peers = ALONE
    ) -> Problem:
        """Return what is to be learned of what `fit` was given."""
        check_alone(self)
        n_seen = None if source is None else source.n_features_in_
        X = self._validate(X, reset=True, min_samples=2)
        check_same_features(n_seen, X.shape[1])
        return self._make_problem(X, y, source, random_state)

    def _learn(
        self,
        problem: Problem,
        source: Any,
        seed: Any,
        random_state: np.random.RandomState,
        task: FitTask,
    ) -> None:
        """Train, from the weights of `source` on if there is one.

        `seed` is the state of the random numbers before the first was drawn.
        """
        peers = problem.peers
        architecture = peers.share(self._make_architecture(problem))
        known = None if source is None else (source._network, source._units, source._link)
        data = self._find_compared(problem)
        checkpoint = make_checkpoint(self, data, architecture, known, seed, peers)
        batches = self._make_loaders(problem, architecture, random_state)
        if source is None:
            module = architecture.build(torch_generator(random_state))
            rival = self._set_start(module, problem, random_state)
        else:
            module = copy_of(source._network, architecture)
            rival = None
        for network in (module, rival):
            share_network(network, peers)
        find_attributes = partial(
            self._find_attributes, problem, architecture, module, rival, random_state
        )
        watcher = task.watch(find_attributes)
        history = self._train(module, problem.link, batches, rival, checkpoint, watcher)
        if history.is_interrupted and task.is_in_search():
            # its score would be compared with those of whole fits
            raise KeyboardInterrupt
        if rival is not None and history.kept == 0:
            module = rival
        self._set_fitted(problem, FittedNetwork(architecture, module), history, random_state)
        self._check_fitted(problem)
        if checkpoint is not None and not history.is_interrupted:
            checkpoint.remove()

    def _find_compared(self, problem: Problem) -> tuple[Any, ...]:
        """Return the data, as a checkpoint's name tells them."""
        return problem.X, problem.classes

    def _make_loaders(
        self, problem: Problem, architecture: Architecture, random_state: np.random.RandomState
    ) -> tuple[Loader, Batches | None]:
        """Return what serves the rows to learn from, and those held out if there are any."""
        inputs, target = training_tensors(problem, self._training_dtype())
        augmentations = self._make_augmentations(problem, architecture, inputs[0], random_state)
        split = problem.train, problem.valid
        width = max(architecture.sizes)
        return self._make_batches(inputs, target, split, width, augmentations, random_state)

    def _find_attributes(
        self,
        problem: Problem,
        architecture: Architecture,
        module: nn.Module,
        rival: nn.Module | None,
        random_state: np.random.RandomState,
        history: History,
        find_kept: FindKept,
    ) -> dict[str, Any]:
        """Return what this estimator would have if its fit stopped now."""
        kept, state = find_kept()
        if rival is not None and kept == 0:
            module = deepcopy(rival)
        else:
            module = deepcopy(module)
            set_parameters_(module, state)
        stopped, history = copy(self), replace(deepcopy(history), kept=kept)
        network = FittedNetwork(architecture, module)
        stopped._set_fitted(problem, network, history, deepcopy(random_state))
        return stopped.__dict__.copy()

    def _check_fitted(self, problem: Problem) -> None:
        """Warn if what was learned is of little use."""

    def _make_problem(
        self, X: NDArray, y: Any, source: Any, random_state: np.random.RandomState
    ) -> Problem:
        """Return what is to be learned, in the units of `source` if there is one."""
        link = self._make_link(X, source)
        check_same_link(link, source)
        classes = self._find_classes(X, y, source)
        seen = self._see(X, link)
        units = self._find_units(seen) if source is None else source._units
        train, valid = self._split(len(X), random_state)
        return Problem(X, seen, units, self._fix_link(link, units), classes, train, valid)

    def _set_fitted(
        self,
        problem: Problem,
        network: FittedNetwork,
        history: History,
        random_state: np.random.RandomState,
    ) -> None:
        """Set what a fitted estimator has."""
        kept_rows = random_state.permutation(len(problem.X))[:MAX_CODES]
        seed = random_state.randint(2**31 - 1)
        self._units = problem.units
        self._link = problem.link
        self._network = network
        self.n_components_ = network.architecture.sizes[-1]
        self.mean_ = problem.units.location
        self.loss_curve_ = history.training
        self.validation_curve_ = history.validation or None
        self.n_iter_ = history.n_epochs
        self.best_iter_ = history.kept
        self._is_interrupted = history.is_interrupted
        self.latent_density_ = self._make_density(self._encode_all(problem.X[kept_rows]), seed)

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
            Codes, in the dtype of X if that is float32, else in float64. Of blocks, an iterator of
            such arrays; of dask's, a dask array.
        """
        check_is_fitted(self)
        return self._encode_all(self._validate(X, reset=False))

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
            Reconstructions, in the units of the training data. Of blocks, an iterator of such
            arrays; of dask's, a dask array.
        """
        check_is_fitted(self)
        codes = self._check_codes(X)
        return self._as_given(self._in_batches(self._decode, codes, self.n_features_in_))

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
            As `inverse_transform` of `transform` gives it. Of blocks, an iterator of such arrays;
            of dask's, a dask array.
        """
        check_is_fitted(self)
        return self._as_given(self._reconstruct_all(self._validate(X, reset=False)))

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
            better. In squared units of X. Of blocks, an iterator of such arrays; of dask's, a dask
            array.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        errors = np.subtract(X, self._reconstruct_all(X), dtype=np.float64)
        return -np.square(errors, out=errors).sum(axis=1)

    @dispatched
    def score(self, X: ArrayLike, y: Any = None) -> float:
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
            return self._score_blocks(blocks)
        X = self._validate(X, reset=False, min_samples=2)
        return explained_share(X, self._reconstruct_all(X))

    def _score_blocks(self, blocks: Blocks) -> float:
        """Return the share of the variance of all rows, in one pass."""
        explained = ExplainedShare(self.n_features_in_)
        for number, block in blocks.read():
            if is_empty(block):
                continue
            with blocks.naming(number):
                check_single(self, block)
                X = self._validate(block, reset=False)
                explained.add(X, self._reconstruct_all(X))
        return explained.share

    @dispatched
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
        check_count("n_samples", n_samples)
        codes = self.latent_density_.sample(n_samples, check_random_state(random_state))
        codes = self._find_codes(codes)
        return self._as_given(self._in_batches(self._decode, codes, self.n_features_in_))

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
    @abstractmethod
    def decoder_(self) -> nn.Module:
        """A copy of the decoder as a torch module, in float32."""

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

    def _check_codes(self, X: ArrayLike) -> NDArray:
        with reading():
            codes = check_array(
                detached(X), dtype=[np.float64, np.float32], estimator=self, input_name="X"
            )
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} columns, but {type(self).__name__}.inverse_transform "
                f"expects codes with {self._n_features_out}: one per component."
            )
        return codes

    def _output_units(self) -> Units:
        """Return the units of the decoder's means."""
        if self._link.equivariant:
            return self._units
        return Units(np.zeros(self.n_features_in_), 1.0)

    def _reconstruct(self, network: Any, X: NDArray) -> NDArray:
        return self._decode(network, self._encode(network, X))

    def _encode_all(self, X: NDArray) -> NDArray:
        return self._in_batches(self._encode, X, self._n_features_out)

    def _reconstruct_all(self, X: NDArray) -> NDArray:
        return self._in_batches(self._reconstruct, X, X.shape[1])


def check_count(name: str, value: Any) -> None:
    """Raise ValueError if an argument of this name is not a positive int."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1. Got {value!r} instead.")
