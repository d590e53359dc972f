"""Terms that are played, and not judged: the network learns from them, and nothing else does."""

import pytest
import torch
from torch import Generator

from skae.engine import (
    SCHEDULES,
    Batch,
    Batches,
    GradientStep,
    QuasiNewtonStep,
    Stopping,
    learn_once,
    mean_loss,
    run,
)
from skae.engine._differentiation import Autograd, WrittenOut
from skae.networks import DenseArchitecture, Reconstruction
from skae.objectives import CodeLasso, Objective, SquaredError

KINDS = ["written out", "autograd", "quasi-newton"]


class Played(CodeLasso):
    """Draws codes to zero, and counts how often it is asked."""

    is_judged = False

    def __init__(self, weight=1.0):
        super().__init__(weight)
        self.n_calls = 0

    def __call__(self, outputs, target):
        self.n_calls += 1
        return super().__call__(outputs, target)


def _rows(n=30):
    return torch.rand(n, 4, dtype=torch.float64, generator=Generator().manual_seed(0))


def _make_step(kind, terms):
    plan = DenseArchitecture((4, 5, 2), "silu", False, False)
    network = plan.build(Generator().manual_seed(0)).requires_grad_(True)
    objective = Objective(terms)
    if kind == "quasi-newton":
        return QuasiNewtonStep(network, objective)
    step = GradientStep(network, objective, 0.01, SCHEDULES["constant"](10))
    if kind == "autograd":
        step._differentiate = Autograd(network, objective)
    assert isinstance(step._differentiate, WrittenOut if kind == "written out" else Autograd)
    return step


@pytest.mark.parametrize("kind", KINDS)
def test_steps_return_what_is_judged(kind):
    batch = Batch((_rows(),), _rows())
    played = Played()
    step = _make_step(kind, {"loss": SquaredError(), "played": played})
    alone = _make_step(kind, {"loss": SquaredError()})
    start = step.evaluate(batch)
    assert start.keys() == {"loss"}
    assert played.n_calls == 0
    assert torch.equal(start["loss"], alone.evaluate(batch)["loss"])
    first = step.update(batch)
    assert first.keys() == {"loss"}
    torch.testing.assert_close(first["loss"], start["loss"])
    assert played.n_calls > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_learns_from_what_is_not_judged(kind):
    class Judged(Played):
        is_judged = True

    batch = Batch((_rows(),), _rows())
    states = []
    for penalty in (Played(), Judged()):
        step = _make_step(kind, {"loss": SquaredError(), "penalty": penalty})
        step.update(batch)
        states.append(step.state())
    without = _make_step(kind, {"loss": SquaredError()})
    without.update(batch)
    for played, judged, other in zip(*states, without.state(), strict=True):
        assert torch.equal(played, judged)
        assert played.shape == other.shape
    assert any(not torch.equal(a, b) for a, b in zip(states[0], without.state(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_loss_curves_and_the_choice_of_the_epoch_are_without_it(kind):
    """The penalty itself is in the hundreds."""
    step = _make_step(kind, {"loss": SquaredError(), "played": Played(1000.0)})
    start = mean_loss(step, _serve())
    history = run(step, _serve(), _serve(), 3, Stopping(None, 0.0))
    assert history.training[0] == pytest.approx(start)
    assert history.validation[0] == pytest.approx(start)
    assert max(history.training + history.validation) < 10
    best = min(range(4), key=lambda epoch: history.validation[epoch])
    assert history.kept == best
    assert mean_loss(step, _serve()) == pytest.approx(history.validation[best])


def _serve():
    return Batches((_rows(),), _rows(), torch.arange(30), 30)


def test_one_pass_reports_what_is_judged():
    step = _make_step("written out", {"loss": SquaredError(), "played": Played(1000.0)})
    start = mean_loss(step, _serve())
    assert learn_once(step, _serve()) == pytest.approx(start)


def test_it_is_checked_when_it_is_played_first():
    class Scalar(Played):
        def __call__(self, outputs, target):
            return super().__call__(outputs, target).mean()

    step = _make_step("autograd", {"loss": SquaredError(), "played": Scalar()})
    batch = Batch((_rows(),), _rows())
    step.evaluate(batch)
    with pytest.raises(ValueError, match=r"'played' \(Scalar\) returned a tensor of shape \(\)"):
        step.update(batch)


def test_something_has_to_be_judged():
    with pytest.raises(ValueError, match=r"Got \['played'\], of which none has is_judged=True"):
        Objective({"played": Played()})
    with pytest.raises(ValueError, match="Got no terms"):
        Objective({})


def test_an_objective_tells_both():
    x = _rows()
    objective = Objective({"loss": SquaredError(), "played": Played()})
    outputs = Reconstruction(x, x, x)
    assert objective.judged == ("loss",)
    assert objective(outputs, x).keys() == {"loss", "played"}
    assert objective.judge(outputs, x).keys() == {"loss"}
