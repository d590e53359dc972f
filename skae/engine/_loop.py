"""The training loop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from math import isfinite

import torch
from torch import Tensor

from skae.engine._batches import Batch, Batches
from skae.engine._step import Losses, State, Step
from skae.engine._stopping import Acceptance, Stopping

EXPLODED = 1e6
"""A training loss this many times the start's, or this large where the start's is below 1,
will not come back."""


class DivergenceError(ArithmeticError):
    """The training loss exploded or is not finite."""


@dataclass
class History:
    """What happened in a training.

    Attributes
    ----------
    training, validation : list of float
        Mean loss per row; entry 0 is the start, entry i is epoch i. `validation` is empty
        where nothing was held out.
    kept : int
        The epoch whose state the step was left in, 0 for the start.
    is_interrupted : bool
        Whether the user stopped it; an epoch that had begun is not among the entries.
    """

    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    kept: int = 0
    is_interrupted: bool = False

    @property
    def n_epochs(self) -> int:
        """Number of epochs that were run."""
        return len(self.training) - 1


@dataclass
class _Candidate:
    """A state and the losses of the rows it is judged by."""

    epoch: int
    rows: Tensor
    state: State


def run(
    step: Step,
    train: Batches,
    valid: Batches | None,
    max_iter: int,
    stopping: Stopping,
    on_epoch_end: Callable[[History], None] | None = None,
    acceptance: Acceptance | None = None,
) -> History:
    """Train, and leave the step in the best state met, the start among the candidates.

    With `valid`, the epoch with the lowest validation loss is kept if it is accepted. Without,
    the last epoch is kept if it is not worse than the start on the training rows. Ctrl-C ends the
    training, and keeps what is best so far.

    Parameters
    ----------
    step : Step
    train : Batches
    valid : Batches or None
        Held-out rows.
    max_iter : int
        Largest number of epochs.
    stopping : Stopping
        Sees the validation loss of every epoch, or the training loss where nothing is held out.
    on_epoch_end : callable, default=None
        Called with the history so far.
    acceptance : Acceptance, default=None
        What the held-out rows must say for the start to be given up. None: that an epoch is
        better.

    Returns
    -------
    history : History

    Raises
    ------
    DivergenceError
        If the loss of an epoch is not finite or has exploded.
    """
    judged = valid if valid is not None else train
    start = best = _Candidate(0, _pass(step.evaluate, judged), step.state())
    history = History([mean_loss(step, train)])
    if valid is not None:
        history.validation.append(float(start.rows.mean()))
    try:
        for epoch in range(1, max_iter + 1):
            loss = float(_pass(step.update, train).mean())
            rows = None if valid is None else _pass(step.evaluate, valid)
            history.training.append(loss)
            _check_converging(history.training)
            if rows is not None:
                history.validation.append(float(rows.mean()))
                if rows.mean() < best.rows.mean():
                    best = _Candidate(epoch, rows, step.state())
            if on_epoch_end is not None:
                on_epoch_end(history)
            if stopping((history.validation or history.training)[-1]):
                break
    except KeyboardInterrupt:
        history.is_interrupted = True
        if valid is not None:
            # of the epoch that was interrupted
            del history.training[len(history.validation) :]
    if valid is None:
        best = _Candidate(history.n_epochs, _pass(step.evaluate, train), step.state())
        _check_converging([history.training[0], float(best.rows.mean())])
        accepted = bool(best.rows.mean() <= start.rows.mean())
    else:
        accepted = (acceptance or Acceptance())(start.rows, best.rows)
    history.kept = best.epoch if accepted else 0
    step.restore(best.state if accepted else start.state)
    return history


def mean_loss(step: Step, batches: Batches) -> float:
    """Return the mean over the rows of the sum of all terms; nothing is learned."""
    return float(_pass(step.evaluate, batches).mean())


def _pass(learn: Callable[[Batch], Losses], batches: Batches) -> Tensor:
    """Go through all rows once; return each row's loss, summed over the terms, shape (n,)."""
    return torch.cat([reduce(torch.add, learn(batch).values()) for batch in batches])


def _check_converging(losses: list[float]) -> None:
    if not isfinite(losses[-1]) or losses[-1] > EXPLODED * max(losses[0], 1.0):
        raise DivergenceError(f"the loss was {losses[-1]:.3g} in epoch {len(losses) - 1}")
