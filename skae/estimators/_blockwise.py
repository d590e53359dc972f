"""Fits to tables that are read block by block, and pass by pass."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from skae.blocks import HeldOut, OneBlock
from skae.engine import (
    ALONE,
    Batches,
    History,
    Loader,
    Peers,
    find_peers,
    learn_once,
    mean_loss,
    warn_of_fork,
)
from skae.estimators._base import BaseAutoencoder
from skae.estimators._bridge import (
    MAX_BATCH,
    hold_out,
    set_parameters_,
    torch_generator,
)
from skae.rows._per_block import check_single, find_blocks_for
from skae.fitting._devices import find_device
from skae.fitting._dispatch import dispatched_fit
from skae.fitting._fitted import FittedNetwork
from skae.rows._joined_surveys import (
    check_joint,
    find_past,
    join_classes,
    join_surveys,
    set_apart,
    share_network,
)
from skae.fitting._parameters import validated_fit
from skae.rows._problem import Problem, training_tensors
from skae.rows._reader import Reader
from skae.rows._stream import Stream
from skae.rows._survey import Survey, Surveyor
from skae.fitting._warm_start import check_same_features, check_same_link, copy_of
from skae.networks import Architecture


class BlockwiseAutoencoder(BaseAutoencoder):
    """Abstract base of the autoencoders that learn block by block as well."""

    _optimizer_state: dict[str, Any]
    """What the optimiser remembers of the passes, after `partial_fit` alone."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
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
        return super().fit(X, y)

    @dispatched_fit
    @validated_fit
    def partial_fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Go over X once, and learn from each of its rows.

        The first call starts where :meth:`fit` does, at the linear optimum of its X, whose units
        are those of all later calls. Later calls, also after :meth:`fit`, go on with the weights
        that there are and with what the optimiser remembers; files and pickles keep the former
        alone. The learning rate is constant after a warm-up over the first 5 % of `max_iter`
        calls. Nothing is held out, so that no start is gone back to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Training data, with the same features in all calls; blocks as for :meth:`fit`.
        y : array-like of shape (n_samples,), default=None
            Classes for a conditional model, all of which are in the first call, as all categories
            are for ``likelihood="categorical"``. Otherwise ignored.

        Returns
        -------
        self : object
            The fitted estimator. `n_iter_` is the number of calls; what fitted attributes say of
            rows is found in the last X.

        Raises
        ------
        ValueError
            If X or a parameter is not valid, or if the training diverges.
        """
        with find_peers() as peers:
            remembers = getattr(self, "_optimizer_state", None) is not None
            source = self if hasattr(self, "_network") else None
            n_calls = len(getattr(self, "loss_curve_", []))
            check_joint(self, peers, (n_calls, remembers, find_past(source, peers)))
            self._learn_once(X, y, peers)
        return self

    def _learn_once(self, X: Any, y: Any, peers: Peers) -> None:
        """Go on from what was learned, if anything was."""
        source = self if hasattr(self, "_network") else None
        state = getattr(self, "_optimizer_state", None)
        losses = [] if source is None else [*self.loss_curve_]
        random_state = peers.share(self._draw_random_state(len(losses)))
        problem = self._survey(self._find_pass(X, source), y, source, random_state, peers)
        architecture = self._make_architecture(problem)
        train, _ = self._make_loaders(problem, architecture, random_state)
        if source is None:
            module = architecture.build(torch_generator(random_state))
            self._set_start(module, problem, random_state)
        else:
            module = copy_of(source._network, architecture, "partial_fit")
        share_network(module, peers)
        step = self._make_gradient_step(module, problem.link, train, "constant")
        # what is remembered of another objective is of no use
        objective: Any = step.objective
        kind = [*objective.terms, self._find_weight_decay() > 0]
        with self._training(module, train):
            if state is not None and state["kind"] == kind:
                step.load_state_dict(state)
            losses = losses or [mean_loss(step, train)]
            losses.append(learn_once(step, train))
        set_parameters_(module, step.state())
        history = History(losses, kept=len(losses) - 1)
        self._set_fitted(problem, FittedNetwork(architecture, module), history, random_state)
        self._optimizer_state = step.state_dict() | {"kind": kind}

    def _draw_random_state(self, n_before: int) -> np.random.RandomState:
        """Return random numbers of its own for a call of `partial_fit`."""
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        return np.random.RandomState((seed + n_before) % 2**31)

    def _find_pass(self, X: Any, source: Any) -> Reader:
        """Return what reads X for `partial_fit`; an array is a single block."""
        if isinstance(getattr(self, "n_components", None), float):
            raise ValueError(
                f"partial_fit needs a number of components. Got n_components={self.n_components}, "
                "a share of the variance."
            )
        blocks = find_blocks_for(self, X) or OneBlock(X)
        return Reader(blocks, self._validate_block, HeldOut(0.0, None, 0), source is not None)

    def _read_problem(
        self, X: Any, y: Any, source: Any, random_state: np.random.RandomState, peers: Peers = ALONE
    ) -> Problem:
        check_joint(self, peers, find_past(source, peers))
        blocks = find_blocks_for(self, X)
        if blocks is None and peers.is_alone:
            return super()._read_problem(X, y, source, random_state, peers)
        blocks = blocks or OneBlock(X)
        if getattr(self, "solver", None) == "lbfgs":
            raise ValueError(
                "solver='lbfgs' needs all rows in memory, but X comes in blocks. Set solver='adam'."
            )
        share = self.validation_fraction if self.early_stopping else 0.0
        seed = random_state.randint(2**31 - 1) + peers.rank
        numbers = None if blocks.n_blocks is None else range(blocks.n_blocks)
        # where each has a single row, one is held out
        held_out = HeldOut(share, numbers, seed, holds_single=peers.rank == 1)
        reader = Reader(blocks, self._validate_block, held_out)
        return self._survey(reader, y, source, random_state, peers)

    def _validate_block(self, X: Any, *, reset: bool) -> NDArray:
        """Return the rows of a block that is to be learned from."""
        check_single(self, X)
        return self._validate(X, reset=reset)

    def _survey(
        self,
        reader: Reader,
        y: Any,
        source: Any,
        random_state: np.random.RandomState,
        peers: Peers,
    ) -> Problem:
        """Go over blocks once; return what is to be learned, with a sample of the rows."""
        n_seen = None if source is None else source.n_features_in_
        seed = random_state.randint(2**31 - 1)
        link = self._find_link(reader, source, peers)
        with peers.in_step():
            survey = self._make_surveyor(reader, link, source, seed + peers.rank).survey()
            check_same_features(n_seen, self.n_features_in_)
            check_same_link(survey.link, source)
            classes = self._find_classes(np.empty((reader.n_rows, 0)), y, source)
        classes = join_classes(classes, peers)
        if classes is not None:
            survey = survey._replace(told=classes.values[survey.positions])
        survey = join_surveys(survey, self._describe_features(), peers, seed)
        _check_rows(survey, reader.held_out.share, source)
        units = survey.units if source is None else source._units
        link = self._fix_link(survey.link, units)
        indicators = None if classes is None else classes.values.astype(bool)
        see = partial(self._see, link=link)
        n_target = 0 if link.equivariant else survey.X.shape[1]
        return Problem(
            X=survey.X,
            seen=see(survey.X),
            units=units,
            link=link,
            classes=None if classes is None else classes._replace(values=survey.told),
            train=survey.train,
            valid=survey.valid,
            moments=survey.moments_in(units),
            stream=Stream(reader, survey, see, units, indicators, n_target),
            peers=peers,
        )

    def _describe_features(self) -> Any:
        """Return what processes must have the same of."""
        names = getattr(self, "feature_names_in_", None)
        return self.n_features_in_ if names is None else names.tolist()

    def _find_link(self, reader: Reader, source: Any, peers: Peers) -> Any:
        """Return what the decoder's output means, if that takes more than the first block."""
        return None

    def _make_surveyor(self, reader: Reader, link: Any, source: Any, seed: int) -> Surveyor:
        def make_link(X: NDArray) -> Any:
            return self._make_link(X, source) if link is None else link

        # a network that goes on has its start behind it
        needs_axes = source is None and self.init != "random"
        return Surveyor(reader, make_link, self._see, needs_axes, seed)

    def _find_compared(self, problem: Problem) -> tuple[Any, ...]:
        if problem.stream is None:
            return super()._find_compared(problem)
        summary: tuple[Any, ...] = problem.stream.summary()
        return summary

    def _make_loaders(
        self, problem: Problem, architecture: Architecture, random_state: np.random.RandomState
    ) -> tuple[Loader, Batches | None]:
        if problem.stream is None:
            return super()._make_loaders(problem, architecture, random_state)
        warn_of_fork()
        stream, width, device = problem.stream, max(architecture.sizes), find_device(self.device)
        changes = self._make_augmentations(problem, architecture, stream.bounds, random_state)
        size = max(1, self._step_size(stream.n_rows, width))
        generator = torch_generator(random_state)
        train = stream.in_batches(size, generator, changes[0], device, problem.peers)
        held_out = training_tensors(problem.part(problem.valid), np.float32)
        rows = torch.arange(len(problem.valid))
        n_at_once = max(size, min(1024, MAX_BATCH // width))
        valid = hold_out(*held_out, rows, n_at_once, changes[1], device, problem.peers)
        set_apart(train, problem.peers)
        return train, valid

    def _set_fitted(
        self,
        problem: Problem,
        network: FittedNetwork,
        history: History,
        random_state: np.random.RandomState,
    ) -> None:
        super()._set_fitted(problem, network, history, random_state)
        self.__dict__.pop("_optimizer_state", None)


def _check_rows(survey: Survey, share: float, source: Any) -> None:
    """Raise ValueError if there are too few rows to begin with, or to hold one out."""
    n_rows = survey.moments[1].n_rows
    if n_rows < 2 and (source is None or share):
        raise ValueError(
            f"Found blocks with {n_rows} row in all (n_samples={n_rows}) while a minimum of 2 is "
            "required."
        )
