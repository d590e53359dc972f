"""Loaders, which serve the rows of a problem in batches."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skae.engine import ALONE, BatchChange, Batches, Loader, Peers, warn_of_fork
from skae.fitting._devices import choose_device, fits
from skae.fitting._processes import set_apart
from skae.fitting._recipe import Recipe
from skae.fitting._training import Training
from skae.rows._problem import Problem, training_tensors
from skae.rows._random import torch_generator

MAX_BATCH = 2**24
"""Largest number of entries of the widest layer in a batch, unless `batch_size` is a number."""
ROWS_JUDGED_AT_ONCE = 1024
"""Held-out rows in a batch, if the batches of training are smaller."""


class Loaders(NamedTuple):
    """The loader of the rows to learn from, and the loader of held-out rows if there are any."""

    train: Loader
    valid: Batches | None


def make_loaders(
    problem: Problem, recipe: Recipe, training: Training, random_state: np.random.RandomState
) -> Loaders:
    """Return the loaders of a problem's rows; `random_state` seeds the order of the rows."""
    warn_of_fork()
    if problem.stream is None:
        return _load_arrays(problem, recipe, training, random_state)
    return _load_stream(problem, recipe, training, random_state)


def _load_arrays(
    problem: Problem, recipe: Recipe, training: Training, random_state: np.random.RandomState
) -> Loaders:
    inputs, target = training_tensors(problem, problem.rows, recipe.dtype)
    device = choose_device(training.device)
    # all rows on the device if they fit; by a dict, as the target may be the input itself
    place = device if fits({*inputs, target}, device) else torch.device("cpu")
    there = {tensor: tensor.to(place) for tensor in (*inputs, target)}
    data = tuple(there[tensor] for tensor in inputs), there[target]
    train_rows, valid_rows = map(torch.from_numpy, problem.split)
    is_whole = recipe.solver == "lbfgs"
    size = len(train_rows) if is_whole else choose_batch_size(problem, recipe, training)
    generator = torch_generator(random_state)
    train = Batches(*data, train_rows, size, generator, recipe.changes.train, device)
    n_at_once = _count_judged(size, recipe)
    valid = hold_out(*data, valid_rows, n_at_once, recipe.changes.held_out, device)
    return Loaders(train, valid)


def _load_stream(
    problem: Problem, recipe: Recipe, training: Training, random_state: np.random.RandomState
) -> Loaders:
    stream = problem.stream
    if stream is None:
        raise TypeError("The problem has no stream of blocks.")
    device = choose_device(training.device)
    size = max(1, choose_batch_size(problem, recipe, training))
    generator = torch_generator(random_state)
    train = stream.in_batches(size, generator, recipe.changes.train, device, problem.peers)
    # held-out rows stay in memory
    held_out = training_tensors(problem, problem.rows.take(problem.valid), np.float32)
    rows = torch.arange(len(problem.valid))
    n_at_once = _count_judged(size, recipe)
    change = recipe.changes.held_out
    valid = hold_out(*held_out, rows, n_at_once, change, device, problem.peers)
    set_apart(train, problem.peers)
    return Loaders(train, valid)


def _count_judged(batch_size: int, recipe: Recipe) -> int:
    """Return the number of held-out rows in a batch."""
    return max(batch_size, min(ROWS_JUDGED_AT_ONCE, MAX_BATCH // recipe.widest))


def choose_batch_size(problem: Problem, recipe: Recipe, training: Training) -> int:
    """Return the batch size of a training.

    For ``batch_size="auto"``, it is the recipe's or, if the recipe has none, one to four times the
    recipe's `smallest_batch`, growing with the number of rows.
    """
    n_rows, most = problem.n_train, max(1, MAX_BATCH // recipe.widest)
    if training.batch_size != "auto":
        return min(n_rows, training.batch_size)
    if recipe.batch_size is not None:
        return min(recipe.batch_size, most)
    factor = 1 + (n_rows > 1400) + 2 * (n_rows > 20_000)
    return min(n_rows, factor * recipe.smallest_batch, most)


def hold_out(
    inputs: tuple[Tensor, ...],
    target: Tensor,
    rows: Tensor,
    batch_size: int,
    change: BatchChange | None,
    device: torch.device,
    peers: Peers = ALONE,
) -> Batches | None:
    """Return a loader of held-out rows, changed only once; parameters as for `Batches`."""
    if len(rows) == 0:
        return None
    # one batch is drawn here: losses of epochs can be compared only if the changes are the same
    (held_out,) = Batches(inputs, target, rows, len(rows), None, change, device)
    every = torch.arange(len(rows))
    return Batches(held_out.inputs, held_out.target, every, batch_size, peers=peers)
