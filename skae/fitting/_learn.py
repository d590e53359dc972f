"""The training of any problem by any recipe, with an estimator or without."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from skae.engine import (
    SCHEDULES,
    Acceptance,
    Batches,
    Checkpoint,
    DivergenceError,
    FindKept,
    History,
    Loader,
    QuasiNewtonStep,
    State,
    Step,
    Stopping,
    Watcher,
    limited_threads,
    mean_loss,
    run,
)
from skae.engine import learn_once as run_once
from skae.fitting._devices import PRECISIONS
from skae.fitting._fitted import Fitted, FittedNetwork
from skae.fitting._loaders import Loaders, make_loaders
from skae.fitting._processes import share_network
from skae.fitting._progress import Progress
from skae.fitting._recipe import Recipe
from skae.fitting._steps import StepOptions
from skae.fitting._training import Training
from skae.fitting._warm_start import copy_module
from skae.objectives import Objective
from skae.rows._problem import Problem
from skae.rows._random import torch_generator

ENTRIES_PER_PART = 2**20
"""L-BFGS sums gradients over parts of about this many entries."""
PassState = dict[str, object]
"""The state of the optimiser between passes, and the kind of objective that it belongs to."""


class Trial(NamedTuple):
    """A network under training, and the start that it must beat.

    Attributes
    ----------
    recipe : Recipe
    module : nn.Module
        In float64, on the CPU.
    baseline : nn.Module or None
        The start for all rows, held-out ones included. It is the result unless an epoch is
        significantly better than the module at its start, and better than the baseline.
    """

    recipe: Recipe
    module: nn.Module
    baseline: nn.Module | None

    def finish(self, history: History) -> Fitted:
        """Return the result of training: the trained module, or the baseline if it is better."""
        is_baseline_kept = self.baseline is not None and history.kept == 0
        module = self.baseline if self.baseline is not None and is_baseline_kept else self.module
        return Fitted(FittedNetwork(self.recipe.architecture, module), history)

    def preview(self, history: History, find_kept: FindKept) -> Fitted:
        """Return the result, as a copy, that the training would have if it ended now."""
        kept, state = find_kept()
        trial = self._replace(module=deepcopy(self.module), baseline=deepcopy(self.baseline))
        set_parameters_(trial.module, state)
        return trial.finish(replace(deepcopy(history), kept=kept))


Watch = Callable[[Trial], Watcher]
"""Returns the watcher of a training that is about to begin."""


def watch_nothing(trial: Trial) -> Watcher:
    """Return a watcher that does nothing."""
    return Watcher()


def learn(
    problem: Problem,
    recipe: Recipe,
    training: Training,
    random_state: np.random.RandomState,
    *,
    source: FittedNetwork | None = None,
    checkpoint: Checkpoint | None = None,
    watch: Watch = watch_nothing,
) -> Fitted:
    """Train a network, and return the best one of all epochs; the start counts as an epoch.

    Parameters
    ----------
    problem : Problem
        Its held-out rows judge the epochs.
    recipe : Recipe
    training : Training
        With the `early_stopping` and `validation_fraction` that `make_problem` was given.
    random_state : RandomState
        Draws the order of the rows and the weights.
    source : FittedNetwork, default=None
        A network to go on from, instead of a new one at its start. The problem must be in the
        units that this one has learned in: see `KnownUnits` of `skae.rows`.
    checkpoint : Checkpoint, default=None
        Keeps the state of the training in a file, from which the same training goes on.
    watch : callable, default=watch_nothing

    Raises
    ------
    ValueError
        If the training diverges, if `source` has another architecture, or if the problem holds
        out another share of the rows than `training` asks for.
    """
    _check_held_out(problem, training)
    loaders = make_loaders(problem, recipe, training, random_state)
    trial = _begin(problem, recipe, source, random_state)
    history = _train(trial, training, loaders, checkpoint, watch(trial))
    return trial.finish(history)


def learn_once(
    problem: Problem,
    recipe: Recipe,
    training: Training,
    random_state: np.random.RandomState,
    *,
    source: FittedNetwork | None = None,
    state: PassState | None = None,
    losses: list[float],
) -> tuple[Fitted, PassState]:
    """Train with a single pass over the rows; return the network and the optimiser's state.

    Held-out rows of the problem, if there are any, take no part.

    Parameters as for `learn`, and these:

    Parameters
    ----------
    state : dict, default=None
        The state that the pass before this one returned.
    losses : list of float
        The losses of earlier passes.
    """
    loaders = make_loaders(problem, recipe, training, random_state)
    purpose = "partial_fit"
    module = _begin(problem, recipe, source, random_state, purpose).module
    network, objective = _make_learner(module, recipe, loaders.train)
    options = _choose_options(recipe, training, loaders.train, "constant")
    step = recipe.make_step(network, objective, options)
    # the state belongs to one objective: it is dropped if parameters have changed it
    kind = [*objective.terms, recipe.weight_decay > 0]
    with _training(training, recipe, module, loaders.train):
        if state is not None and state["kind"] == kind:
            step.load_state_dict(state)
        curve = [*losses] or [mean_loss(step, loaders.train)]
        curve.append(run_once(step, loaders.train))
    set_parameters_(module, step.state())
    fitted = FittedNetwork(recipe.architecture, module)
    history = History(curve, kept=len(curve) - 1)
    return Fitted(fitted, history), step.state_dict() | {"kind": kind}


def _check_held_out(problem: Problem, training: Training) -> None:
    """Raise ValueError if a problem in memory does not hold out what a training asks for."""
    share = problem.held_out_share
    if share not in (None, training.held_out_share):
        raise ValueError(
            f"The problem was made to hold out a share of {share:g} of its rows, but "
            f"{training.name} asks for {training.held_out_share:g}. Give make_problem the "
            "early_stopping and the validation_fraction of the training."
        )


def _begin(
    problem: Problem,
    recipe: Recipe,
    source: FittedNetwork | None,
    random_state: np.random.RandomState,
    purpose: str = "warm_start",
) -> Trial:
    """Return a new network at its start, or a copy of `source`."""
    if source is None:
        module = recipe.architecture.build(torch_generator(random_state))
        baseline = recipe.start(module, random_state)
    else:
        module, baseline = copy_module(source, recipe.architecture, purpose), None
    for network in (module, baseline):
        share_network(network, problem.peers)
    return Trial(recipe, module, baseline)


def _train(
    trial: Trial,
    training: Training,
    loaders: Loaders,
    checkpoint: Checkpoint | None,
    watcher: Watcher,
) -> History:
    """Train a copy of the module in float32 or float64; copy the result to the module."""
    recipe, module, train = trial.recipe, trial.module, loaders.train
    step = _make_step(module, recipe, training, train)
    patience = training.n_iter_no_change if training.early_stopping else None
    watchers = [watcher, *(_make_progress(training) if train.peers.rank == 0 else [])]
    with _training(training, recipe, module, train):
        acceptance = _make_acceptance(trial, training, loaders)
        history = run(
            step,
            train,
            loaders.valid,
            training.max_iter,
            Stopping(patience, training.tol),
            watchers,
            acceptance,
            checkpoint,
        )
    if history.is_interrupted:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    set_parameters_(module, step.state())
    return history


@contextmanager
def _training(
    training: Training, recipe: Recipe, module: nn.Module, train: Loader
) -> Iterator[None]:
    """Train outside the caller's autocast; turn a divergence into a ValueError with a remedy."""
    context = torch.autocast(train.device.type, enabled=False)
    try:
        with context, limited_threads(module, train.batch_size):
            yield
    except DivergenceError as divergence:
        raise ValueError(
            f"{training.name} diverged: {divergence}. Lower learning_rate_init (it was "
            f"{training.learning_rate_init}), or look for extreme values in X{recipe.hint}."
        ) from divergence


def _make_acceptance(trial: Trial, training: Training, loaders: Loaders) -> Acceptance:
    """Return the test that the losses of held-out rows must pass for the start to be replaced."""
    if trial.baseline is None or loaders.valid is None:
        return Acceptance()
    # The baseline has seen the held-out rows, the start has not. The baseline's loss on new
    # rows lies between both losses on these rows: an epoch must have a lower loss than their mean.
    steps = [
        _make_step(module, trial.recipe, training, loaders.train)
        for module in (trial.module, trial.baseline)
    ]
    losses = [mean_loss(step, loaders.valid) for step in steps]
    return Acceptance(is_tested=True, ceiling=sum(losses) / 2)


def _make_step(module: nn.Module, recipe: Recipe, training: Training, train: Loader) -> Step:
    """Return the kind of step that the recipe asks for, with a copy of the module."""
    network, objective = _make_learner(module, recipe, train)
    if recipe.solver != "lbfgs" or not isinstance(train, Batches):
        options = _choose_options(recipe, training, train, training.learning_rate)
        return recipe.make_step(network, objective, options)
    n_at_once = max(1, ENTRIES_PER_PART // train.target.shape[1]) // recipe.n_codes
    return QuasiNewtonStep(network, objective, max(1, n_at_once))


def _make_learner(module: nn.Module, recipe: Recipe, train: Loader) -> tuple[nn.Module, Objective]:
    """Return a copy of the module that can learn, and its objective."""
    network: Any = deepcopy(module).to(train.device, train.dtype).requires_grad_(True)
    objective = recipe.objective(network, train.n_rows_of_all)
    objective.check_reads(network.outputs._fields)
    objective.see_all_of_batch(train.peers.average, train.peers.gather_rows)
    return network, objective


def _choose_options(
    recipe: Recipe, training: Training, train: Loader, learning_rate: str
) -> StepOptions:
    """Return the options of steps; `learning_rate` is the course of their size."""
    return StepOptions(
        training.learning_rate_init,
        SCHEDULES[learning_rate](max(1, training.max_iter) * len(train)),
        recipe.weight_decay,
        PRECISIONS[training.precision],
        train.peers,
    )


def _make_progress(training: Training) -> list[Watcher]:
    """Return a watcher that prints progress, or none if `verbose` is 0."""
    if not training.verbose:
        return []
    every = 1 if training.verbose > 1 else max(1, training.max_iter // 10)
    return [Progress(training.name, training.max_iter, every)]


@torch.no_grad()
def set_parameters_(module: nn.Module, state: State) -> None:
    """Set the parameters of a module, converted to its dtype and device."""
    for parameter, value in zip(module.parameters(), state, strict=True):
        parameter.copy_(value)
