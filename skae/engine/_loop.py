"""The training loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isfinite

import torch
from torch import Tensor

from skae.engine._batch import Batch
from skae.engine._checkpoint import Checkpoint
from skae.engine._files import StateDict
from skae.engine._history import History
from skae.engine._loader import Loader
from skae.engine._step import Losses, State, Step
from skae.engine._stopping import Acceptance, Stopping
from skae.engine._watcher import Watcher

EXPLODED = 1e6
"""A training loss this many times the start's, or this large where the start's is below 1,
will not come back."""


class DivergenceError(ArithmeticError):
    """The training loss exploded or is not finite."""


@dataclass
class _Candidate:
    """A state and the losses of the rows it is judged by."""

    epoch: int
    rows: Tensor
    state: State


def run(
    step: Step,
    train: Loader,
    valid: Loader | None,
    max_iter: int,
    stopping: Stopping,
    watchers: Sequence[Watcher] = (),
    acceptance: Acceptance | None = None,
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train, and leave the step in the best state met, the start among the candidates.

    With `valid`, the epoch with the lowest validation loss is kept if it is accepted. Without,
    the last epoch is kept if it is not worse than the start on the training rows. Ctrl-C ends the
    training, and keeps what is best so far; with peers, it ends all of them.

    Parameters
    ----------
    step : Step
    train : Loader
    valid : Loader or None
        Held-out rows.
    max_iter : int
        Largest number of epochs.
    stopping : Stopping
        Sees the validation loss of every epoch, or the training loss where nothing is held out.
    watchers : sequence of Watcher, default=()
        Are told of every epoch. If one of them wants to stop, the training ends.
    acceptance : Acceptance, default=None
        What the held-out rows must say for the start to be given up. None: that an epoch is
        better.
    checkpoint : Checkpoint, default=None
        Where to go on, if this training was begun before, and where to write how far it is.

    Returns
    -------
    history : History

    Raises
    ------
    DivergenceError
        If the loss of an epoch is not finite or has exploded.
    """
    training = _Training(step, train, valid, stopping, acceptance or Acceptance())
    history = training.history
    if checkpoint is not None and (state := checkpoint.load()) is not None:
        training.load_state_dict(state)
    for watcher in watchers:
        watcher.begin_training(history)
    try:
        for epoch in range(history.n_epochs + 1, max_iter + 1):
            for watcher in watchers:
                watcher.begin_epoch()
            training.run_epoch(epoch)
            # all are told, whoever wants to stop
            wishes = [watcher.end_epoch(history, training.find_kept) for watcher in watchers]
            wishes.append(stopping((history.validation or history.training)[-1]))
            if any(train.peers.gather(any(wishes))):
                break
            if checkpoint is not None and epoch % checkpoint.every == 0:
                checkpoint.save(training.state_dict())
    except KeyboardInterrupt:
        if not train.peers.is_alone:  # who are elsewhere in their epoch
            raise
        training.forget_unfinished_epoch()
    training.keep_best()
    for watcher in watchers:
        watcher.end_training(history)
    return history


class _Training:
    """A training under way; its parameters are those of `run`."""

    def __init__(
        self,
        step: Step,
        train: Loader,
        valid: Loader | None,
        stopping: Stopping,
        acceptance: Acceptance,
    ) -> None:
        self.step = step
        self.train = train
        self.valid = valid
        self.stopping = stopping
        self.acceptance = acceptance
        self.start = self.best = _Candidate(0, self._judge(), step.state())
        self.history = History([mean_loss(step, train)])
        if valid is not None:
            self.history.validation.append(float(self.start.rows.mean()))

    def run_epoch(self, epoch: int) -> None:
        """Learn from every row once, and take note of how good that was."""
        loss = _mean(self.step.update, self.train)
        rows = None if self.valid is None else _pass(self.step.evaluate, self.valid)
        self.history.training.append(loss)
        _check_converging(self.history.training)
        if rows is None:
            return
        self.history.validation.append(float(rows.mean()))
        if rows.mean() < self.best.rows.mean():
            self.best = _Candidate(epoch, rows, self.step.state())

    def find_kept(self) -> tuple[int, State]:
        """Return the epoch that would be kept now, and its state.

        Where nothing is held out, the epoch's own losses stand for those at its end: to measure
        these would take rows out of their order.
        """
        losses = self.history.training
        if self.valid is not None and self.acceptance(self.start.rows, self.best.rows):
            return self.best.epoch, self.best.state
        if self.valid is None and losses[-1] <= losses[0]:
            return self.history.n_epochs, self.step.state()
        return 0, self.start.state

    def forget_unfinished_epoch(self) -> None:
        """Note that the user ended the training."""
        self.history.is_interrupted = True
        if self.valid is not None:
            del self.history.training[len(self.history.validation) :]

    def keep_best(self) -> None:
        """Leave the step in the state to be kept."""
        if self.valid is not None:
            self.history.kept, state = self.find_kept()
        else:
            rows = self._judge()
            _check_converging([self.history.training[0], float(rows.mean())])
            is_accepted = bool(rows.mean() <= self.start.rows.mean())
            self.history.kept = self.history.n_epochs if is_accepted else 0
            state = self.step.state() if is_accepted else self.start.state
        self.step.restore(state)

    def _judge(self) -> Tensor:
        """Return the losses of the held-out rows or, if there are none, the mean of all others."""
        if self.valid is not None:
            return _pass(self.step.evaluate, self.valid)
        return torch.tensor([_mean(self.step.evaluate, self.train)])

    def state_dict(self) -> StateDict:
        """Return all that the next epoch depends on; the start is found again."""
        return {
            "training": self.history.training,
            "validation": self.history.validation,
            "best": vars(self.best),
            "stopping": self.stopping.state_dict(),
            "step": self.step.state_dict(),
            "train": self.train.peers.gather(self.train.state_dict()),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Have the next epoch be the one that followed `state_dict`."""
        self.history.training[:] = state["training"]
        self.history.validation[:] = state["validation"]
        self.best = _Candidate(**state["best"])
        self.best.rows = self.best.rows.to(self.start.rows.device)
        self.stopping.load_state_dict(state["stopping"])
        self.step.load_state_dict(state["step"])
        self.train.load_state_dict(state["train"][self.train.peers.rank])


def learn_once(step: Step, batches: Loader) -> float:
    """Learn from every row once; return the mean over the rows of the sum of all terms.

    Raises
    ------
    DivergenceError
        If it is not finite.
    """
    loss = _mean(step.update, batches)
    _check_converging([loss])
    return loss


def mean_loss(step: Step, batches: Loader) -> float:
    """Return the mean over the rows of the sum of all terms; nothing is learned."""
    return _mean(step.evaluate, batches)


def _pass(learn: Callable[[Batch], Losses], batches: Loader) -> Tensor:
    """Go through all rows once; return each row's loss, summed over the terms, shape (n,).

    Where peers have the same rows, their losses may differ by rounding: the first one's count.
    """
    result, n_done = torch.empty(0), 0
    for batch in batches:
        losses = reduce(torch.add, learn(batch).values())
        if n_done == 0:
            # one tensor from the beginning: many small ones would lie between large ones that go
            result = losses.new_empty(batches.n_rows)
        result[n_done : n_done + len(losses)] = losses
        n_done += len(losses)
    batches.peers.share_(result)
    return result


def _mean(learn: Callable[[Batch], Losses], batches: Loader) -> float:
    """Go through all rows once; return the mean over the rows of all peers of `_pass`'s losses."""
    sums = torch.zeros(len(batches), dtype=batches.dtype, device=batches.device)
    for number, batch in enumerate(batches):
        sums[number] = reduce(torch.add, learn(batch).values()).sum()
    mean = sums.cpu().double().sum().reshape(1) / max(1, batches.n_rows)
    batches.peers.average_(mean, batches.n_rows)
    return float(mean)


def _check_converging(losses: list[float]) -> None:
    if not isfinite(losses[-1]) or losses[-1] > EXPLODED * max(losses[0], 1.0):
        raise DivergenceError(f"the loss was {losses[-1]:.3g} in epoch {len(losses) - 1}")
