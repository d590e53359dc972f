"""The training loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isfinite

import torch
from torch import Tensor

from skae.engine._batch import Batch
from skae.engine._checkpoint import Checkpoint, StateDict
from skae.engine._history import History
from skae.engine._loader import Loader
from skae.engine._step import Losses, State, Step
from skae.engine._stopping import Acceptance, Stopping
from skae.engine._watcher import Watcher

EXPLODED = 1e6
"""A training has diverged if its loss is so many times that of the start, or so large where the
start's is below 1."""


class DivergenceError(ArithmeticError):
    """The training loss has exploded or is not finite."""


@dataclass
class _Candidate:
    """A state, and the losses of the rows by which it is judged."""

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
    """Train, and leave the step in the best state found, which may be the start.

    With `valid`, the epoch with the lowest validation loss is kept if it is accepted. Without, the
    last epoch is kept if it is not worse than the start on the training rows. Ctrl-C ends the
    training and keeps the best state so far; with peers, it raises an error in all of them.

    Parameters
    ----------
    step : Step
    train : Loader
    valid : Loader or None
        Held-out rows.
    max_iter : int
        Largest number of epochs.
    stopping : Stopping
        Sees the validation loss of every epoch, or the training loss if no rows are held out.
    watchers : sequence of Watcher, default=()
        Informed of every epoch. If one of them wants to stop, the training ends.
    acceptance : Acceptance, default=None
        The condition on the held-out rows' losses under which the start is replaced. None: that
        the best epoch's mean is lower.
    checkpoint : Checkpoint, default=None
        The file with which to continue, if it exists, and to which states are written.

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
            # all watchers are informed, even if the first one wants to stop
            wishes = [watcher.end_epoch(history, training.find_kept) for watcher in watchers]
            wishes.append(stopping((history.validation or history.training)[-1]))
            if any(train.peers.gather(any(wishes))):
                break
            if checkpoint is not None and epoch % checkpoint.every == 0:
                checkpoint.save(training.state_dict())
    except KeyboardInterrupt:
        if not train.peers.is_alone:  # the others are at other places of their epoch
            raise
        training.forget_unfinished_epoch()
    training.keep_best()
    for watcher in watchers:
        watcher.end_training(history)
    return history


class _Training:
    """A running training; its parameters are those of `run`."""

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
        """Learn from every row once, and record the losses."""
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

        If no rows are held out, the losses during the epoch are taken for those at its end: one
        more pass over the rows would draw random numbers, and change the epochs that follow.
        """
        losses = self.history.training
        if self.valid is not None and self.acceptance(self.start.rows, self.best.rows):
            return self.best.epoch, self.best.state
        if self.valid is None and losses[-1] <= losses[0]:
            return self.history.n_epochs, self.step.state()
        return 0, self.start.state

    def forget_unfinished_epoch(self) -> None:
        """Record that the user has ended the training, and drop the epoch that had begun."""
        self.history.is_interrupted = True
        if self.valid is not None:
            del self.history.training[len(self.history.validation) :]

    def keep_best(self) -> None:
        """Set the step to the state that is kept, and record its epoch."""
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
        """Return the losses of the held-out rows or, if there are none, the mean training loss."""
        if self.valid is not None:
            return _pass(self.step.evaluate, self.valid)
        return torch.tensor([_mean(self.step.evaluate, self.train)])

    def state_dict(self) -> StateDict:
        """Return all that the next epoch depends on, but for the start, which is computed again."""
        return {
            "training": self.history.training,
            "validation": self.history.validation,
            "best": vars(self.best),
            "stopping": self.stopping.state_dict(),
            "step": self.step.state_dict(),
            "train": self.train.peers.gather(self.train.state_dict()),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Set the state that `state_dict` returned: the same epoch follows."""
        self.history.training[:] = state["training"]
        self.history.validation[:] = state["validation"]
        self.best = _Candidate(**state["best"])
        # files are read to the CPU
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

    Peers have the same rows here. Their losses may differ by rounding: all take the first one's.
    """
    result, n_done = torch.empty(0), 0
    for batch in batches:
        losses = reduce(torch.add, learn(batch).values())
        if n_done == 0:
            # one tensor for all batches: many small ones would fragment the heap
            result = losses.new_empty(batches.n_rows)
        result[n_done : n_done + len(losses)] = losses
        n_done += len(losses)
    batches.peers.broadcast_(result)
    return result


def _mean(learn: Callable[[Batch], Losses], batches: Loader) -> float:
    """Go through all rows once; return the mean loss over the rows of all peers."""
    # summed at the end: reading a number at every batch would wait for the device
    sums = torch.zeros(len(batches), dtype=batches.dtype, device=batches.device)
    for number, batch in enumerate(batches):
        sums[number] = reduce(torch.add, learn(batch).values()).sum()
    mean = sums.cpu().double().sum().reshape(1) / max(1, batches.n_rows)
    batches.peers.average_(mean, batches.n_rows)
    return float(mean)


def _check_converging(losses: list[float]) -> None:
    if not isfinite(losses[-1]) or losses[-1] > EXPLODED * max(losses[0], 1.0):
        raise DivergenceError(f"the loss was {losses[-1]:.3g} in epoch {len(losses) - 1}")
