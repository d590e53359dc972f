"""The loop: what it keeps, when it stops, what it refuses."""

from math import inf, nan

import pytest
import torch

from skae.engine import (
    Acceptance,
    Batches,
    Checkpoint,
    DivergenceError,
    Step,
    Stopping,
    Watcher,
    mean_loss,
    run,
)


class Scripted(Step):
    """Has the held-out and training losses it is told, epoch by epoch."""

    def __init__(self, valid, train=None, spread=0.0):
        self.valid = valid
        self.train = train or [1.0] * len(valid)
        self.spread = spread
        self.epoch = 0

    def update(self, batch):
        self.epoch += 1
        return {"loss": torch.full((len(batch.target),), self.train[self.epoch])}

    def evaluate(self, batch):
        rows = batch.target[:, 0]
        losses = self.train if rows[0] < 100 else self.valid
        noise = self.spread * torch.where(rows % 2 == 0, 1.0, -1.0) * (self.epoch > 0)
        return {"loss": losses[self.epoch] + noise}

    def state(self):
        return [torch.tensor(self.epoch)]

    def restore(self, state):
        self.epoch = int(state[0])

    def state_dict(self):
        return {"epoch": self.epoch}

    def load_state_dict(self, state):
        self.epoch = state["epoch"]


def _rows(first, n=10):
    target = torch.arange(first, first + n, dtype=torch.float32)[:, None]
    return Batches((target,), target, torch.arange(n), batch_size=n)


TRAIN, VALID = _rows(0), _rows(100)


def _run(step, valid=VALID, max_iter=None, patience=None, tol=0.0, acceptance=None):
    max_iter = len(step.valid) - 1 if max_iter is None else max_iter
    return run(step, TRAIN, valid, max_iter, Stopping(patience, tol), (), acceptance)


@pytest.mark.parametrize("best", range(5))
def test_the_best_epoch_is_kept_and_restored(best):
    losses = [1.0] * 5
    losses[best] = 0.5
    step = Scripted(losses)
    history = _run(step)
    assert history.kept == step.epoch == best
    assert history.validation == losses
    assert history.n_epochs == 4


def test_a_fall_must_be_significant():
    # +-s over 10 rows: standard error s / 3; the 1 % point of t with 9 degrees of freedom: 2.821
    for spread, kept in ((0.106, 1), (0.107, 0)):
        step = Scripted([1.0, 0.9], spread=spread)
        assert _run(step, acceptance=Acceptance(is_tested=True)).kept == step.epoch == kept


def test_most_rows_may_outvote_a_few_huge_ones():
    start = torch.ones(100)
    best = torch.full((100,), 0.5)
    best[:5] = 10.0
    start[:5] = 11.0
    start[5], best[5] = 1.0, 30.0
    assert Acceptance(is_tested=True)(start, best)
    best[6:60] = 1.1
    assert not Acceptance(is_tested=True)(start, best)


def test_a_ceiling_must_be_undercut():
    for ceiling, kept in ((0.91, 1), (0.89, 0)):
        step = Scripted([1.0, 0.9])
        assert _run(step, acceptance=Acceptance(ceiling=ceiling)).kept == step.epoch == kept


def test_a_single_row_has_no_standard_error():
    start, best = torch.tensor([1.0]), torch.tensor([0.1])
    assert not Acceptance(is_tested=True)(start, best)
    assert Acceptance()(start, best)


@pytest.mark.parametrize(("last", "kept"), [(0.9, 3), (1.0, 3), (1.1, 0)])
def test_without_held_out_rows_the_last_epoch_is_kept_if_it_is_not_worse(last, kept):
    step = Scripted([0.0] * 4, train=[1.0, 2.0, 0.1, last])
    history = _run(step, valid=None)
    assert history.kept == step.epoch == kept
    assert history.validation == []


def test_no_epochs():
    step = Scripted([1.0])
    history = _run(step)
    assert (history.kept, history.n_epochs) == (0, 0)
    assert history.training == [1.0]


def test_patience():
    history = _run(Scripted([1.0, 0.9, 0.8, 0.85, 0.85, 0.85, 0.1]), patience=3)
    assert history.n_epochs == 5
    assert history.kept == 2


def test_improvements_below_the_tolerance_do_not_count():
    losses = [1.0 - 0.001 * epoch for epoch in range(20)]
    assert _run(Scripted(losses), patience=3, tol=0.01).n_epochs == 4
    assert _run(Scripted(losses), patience=3, tol=1e-6).n_epochs == 19


@pytest.mark.parametrize("loss", [nan, inf, 1e9])
@pytest.mark.parametrize("valid", [VALID, None])
def test_divergence(loss, valid):
    with pytest.raises(DivergenceError, match=r"the loss was .* in epoch 2"):
        _run(Scripted([1.0] * 4, train=[1.0, 1.0, loss, 1.0]), valid=valid)


class Diary(Watcher):
    """Notes what it is told, and wants to stop after some epoch."""

    def __init__(self, last=None):
        self.last = last
        self.entries = []

    def begin_epoch(self):
        self.entries.append("begin")

    def begin_training(self, history):
        self.entries.append(f"from {history.n_epochs} on")

    def end_epoch(self, history, find_kept):
        kept, state = find_kept()
        assert int(state[0]) == kept
        self.entries.append((history.n_epochs, kept))
        return history.n_epochs == self.last

    def end_training(self, history):
        self.entries.append(f"kept {history.kept}")


@pytest.mark.parametrize("valid", [VALID, None])
def test_watchers_see_every_epoch(valid):
    diary = Diary()
    step = Scripted([1.0, 0.8, 0.9], train=[1.0, 0.8, 0.9])
    run(step, TRAIN, valid, 2, Stopping(None, 0.0), [Watcher(), diary])
    kept = 1 if valid is not None else 2
    epochs = ["begin", (1, 1), "begin", (2, kept)]
    assert diary.entries == ["from 0 on", *epochs, f"kept {kept}"]


def test_watchers_may_stop():
    diaries = Diary(last=1), Diary()
    history = run(Scripted([1.0, 0.9, 0.8]), TRAIN, VALID, 2, Stopping(None, 0.0), diaries)
    assert history.n_epochs == 1
    assert diaries[1].entries == ["from 0 on", "begin", (1, 1), "kept 1"]


def test_what_is_not_accepted_is_not_shown_as_kept():
    diary = Diary()
    acceptance = Acceptance(ceiling=0.5)
    run(Scripted([1.0, 0.9]), TRAIN, VALID, 1, Stopping(None, 0.0), [diary], acceptance)
    assert diary.entries[-2:] == [(1, 0), "kept 0"]


def test_mean_loss_is_over_rows_not_batches():
    target = torch.arange(100, 107, dtype=torch.float32)[:, None]
    batches = Batches((target,), target, torch.arange(7), batch_size=3)
    assert mean_loss(Scripted([2.0]), batches) == 2.0


class Interrupted(Scripted):
    """Is stopped by the user in an epoch, while learning or while measuring."""

    def __init__(self, valid, epoch, method):
        super().__init__(valid)
        self.stopped_at = epoch
        self.method = method

    def update(self, batch):
        losses = super().update(batch)
        self._stop("update")
        return losses

    def evaluate(self, batch):
        self._stop("evaluate")
        return super().evaluate(batch)

    def _stop(self, method):
        if self.epoch == self.stopped_at and method == self.method:
            self.stopped_at = None
            raise KeyboardInterrupt


@pytest.mark.parametrize("method", ["update", "evaluate"])
@pytest.mark.parametrize(("epoch", "kept"), [(1, 0), (2, 1), (3, 1), (4, 3)])
def test_an_interruption_keeps_the_best_epoch_so_far(method, epoch, kept):
    step = Interrupted([1.0, 0.8, 0.9, 0.7, 0.6, 0.5], epoch, method)
    history = _run(step)
    assert history.is_interrupted
    assert history.kept == step.epoch == kept
    assert history.n_epochs == epoch - 1
    assert len(history.training) == len(history.validation) == epoch


def test_an_interruption_without_held_out_rows():
    step = Interrupted([1.0] * 4, 3, "update")
    step.train = [1.0, 0.9, 0.8, 0.7]
    history = _run(step, valid=None)
    assert history.is_interrupted
    assert step.epoch == 3
    assert history.training == pytest.approx([1.0, 0.9, 0.8])


def test_an_interruption_of_the_start_is_one_of_the_training():
    with pytest.raises(KeyboardInterrupt):
        _run(Interrupted([1.0] * 4, 0, "evaluate"))


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("patience", [None, 2])
def test_a_training_goes_on_where_it_was_written_down(tmp_path, every, patience):
    losses = [1.0, 0.6, 0.8, 0.5, 0.7, 0.9, 0.6]
    expected = _run(Scripted(losses), patience=patience)
    checkpoint = Checkpoint(tmp_path / "file", every)
    for n_epochs in range(7):
        step = Scripted(losses)
        stopping = Stopping(patience, 0.0)
        history = run(step, TRAIN, VALID, n_epochs, stopping, (), None, checkpoint)
    assert history == expected
    assert step.epoch == expected.kept
    assert checkpoint.path.exists() == (every <= expected.n_epochs)
