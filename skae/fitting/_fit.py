"""`fit` and `partial_fit` of all estimators: read X and y, train, and set fitted attributes."""

import warnings
from copy import copy, deepcopy
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skae.engine import FindKept, History, Peers, Watcher, find_peers
from skae.fitting._callbacks import FitTask
from skae.fitting._checkpoints import make_checkpoint
from skae.fitting._learn import Trial, learn, learn_once
from skae.fitting._processes import check_joint, describe_past
from skae.fitting._protocols import Estimator
from skae.fitting._read import read_pass, read_problem
from skae.fitting._recipe import Recipe
from skae.fitting._rollback import rolled_back_on_failure
from skae.fitting._training import Training
from skae.fitting._warm_start import find_source
from skae.rows._problem import Problem

WARNED_FROM = 6
"""Frames between a warning about the result and the user's call of `fit`."""


def fit_estimator(estimator: Estimator, X: object, y: object) -> None:
    """Fit an estimator, alone or together with other processes.

    If anything fails, the estimator is as it was before.
    """
    with rolled_back_on_failure(estimator):
        task = FitTask(estimator, X, y)
        with find_peers() as peers:
            _fit(estimator, X, y, task, peers)
        task.end()


def _fit(estimator: Estimator, X: object, y: object, task: FitTask, peers: Peers) -> None:
    source = find_source(estimator, estimator.warm_start)
    random_state = peers.broadcast(check_random_state(estimator.random_state))
    # before the first draw: checkpoints are named by it
    seed = random_state.get_state()
    check_joint(estimator, peers, describe_past(source, peers))
    problem = read_problem(estimator, X, y, source, random_state, peers)
    recipe = estimator._make_recipe(problem, random_state)
    checkpoint = make_checkpoint(estimator, problem, recipe, source, seed)
    fitted = learn(
        problem,
        recipe,
        Training.of(estimator),
        random_state,
        source=None if source is None else source._network,
        checkpoint=checkpoint,
        watch=partial(_watch, estimator, task, problem, random_state),
    )
    if fitted.history.is_interrupted and task.is_in_search():
        # a search would compare its score with the scores of whole fits
        raise KeyboardInterrupt
    for warning in estimator._keep(problem, fitted, random_state):
        warnings.warn(warning, stacklevel=WARNED_FROM)
    if checkpoint is not None and not fitted.history.is_interrupted:
        checkpoint.remove()


def _watch(
    estimator: Estimator,
    task: FitTask,
    problem: Problem,
    random_state: np.random.RandomState,
    trial: Trial,
) -> Watcher:
    """Return a watcher that offers callbacks, after every epoch, the fitted attributes so far."""

    def find_attributes(history: History, find_kept: FindKept) -> dict[str, object]:
        # copies: what `_keep` sets and draws must not reach the fit itself
        stopped = copy(estimator)
        stopped._keep(problem, trial.preview(history, find_kept), deepcopy(random_state))
        return stopped.__dict__.copy()

    return task.watch(find_attributes)


def fit_estimator_once(estimator: Any, X: object, y: object) -> None:
    """Train with a single pass over X, starting from earlier calls or from an earlier fit."""
    with rolled_back_on_failure(estimator), find_peers() as peers:
        state = getattr(estimator, "_optimizer_state", None)
        source = estimator if hasattr(estimator, "_network") else None
        losses = [] if source is None else [*estimator.loss_curve_]
        # processes must have made the same calls before
        past = len(losses), state is not None, describe_past(source, peers)
        check_joint(estimator, peers, past)
        random_state = peers.broadcast(_draw_random_state(estimator, len(losses)))
        problem = read_pass(estimator, X, y, source, random_state, peers)
        recipe: Recipe = estimator._make_recipe(problem, random_state)
        fitted, state = learn_once(
            problem,
            recipe,
            Training.of(estimator),
            random_state,
            source=None if source is None else source._network,
            state=state,
            losses=losses,
        )
        estimator._keep(problem, fitted, random_state)
        estimator._optimizer_state = state


def _draw_random_state(estimator: Any, n_before: int) -> np.random.RandomState:
    """Return a random state for a call of `partial_fit`, another one for each call."""
    seed = check_random_state(estimator.random_state).randint(2**31 - 1)
    return np.random.RandomState((seed + n_before) % 2**31)
