"""Parts that break their contract are refused, by name, before anything is learned."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import Generator, Tensor, nn

from skae.engine import (
    NOTHING,
    SCHEDULES,
    Batch,
    GradientStep,
    InTurn,
    QuasiNewtonStep,
)
from skae.engine._differentiation import Autograd, WrittenOut
from skae.networks import (
    Architecture,
    DenseArchitecture,
    Reconstruction,
    SparseArchitecture,
    VariationalArchitecture,
)
from skae.objectives import (
    CodeLasso,
    Gaussian,
    ImportanceWeightedBound,
    Objective,
    OverPrefixes,
    Poisson,
    ReconstructionLogLikelihood,
    Revival,
    SquaredError,
    Term,
)

N, D, K = 7, 4, 2


class Scalar(Term):
    """A mean over the rows, too."""

    reads = ("raw",)
    sees_outputs_only = True

    def __call__(self, outputs, target):
        return (outputs.raw - target).square().mean()


class Elementwise(Term):
    """Values for every entry."""

    reads = ("raw",)
    sees_outputs_only = True

    def __call__(self, outputs, target):
        return (outputs.raw - target).square()


class Forgetful(Term):
    """A penalty on codes that declares to read the decoder's output."""

    reads = ("raw",)
    sees_outputs_only = True

    def __call__(self, outputs, target):
        return outputs.code.square().sum(1) + 0 * outputs.raw.sum(1)


class Undeclared(Term):
    """Says nothing of what it reads."""

    def __call__(self, outputs, target):
        return outputs.raw.sum(1)


class OneName(Undeclared):
    """Reads something whose name is not in a tuple."""

    reads = "raw"


class Stranger(Undeclared):
    """Reads what only other networks return."""

    reads = ("raw", "drive")


class Roots(Term):
    """NaN wherever the decoder's output is negative."""

    reads = ("raw",)
    sees_outputs_only = True

    def __call__(self, outputs, target):
        return (-1 - outputs.raw.square()).sqrt().sum(1)


class Endless(Roots):
    """Infinite in every row."""

    def __call__(self, outputs, target):
        return outputs.raw.square().sum(1) + torch.inf


BROKEN = {
    Scalar: (ValueError, r"returned a tensor of shape \(\), but one value per row .* \(7,\)"),
    Elementwise: (ValueError, r"returned a tensor of shape \(7, 4\), but one value per row"),
    Forgetful: (ValueError, r"depends on 'code', which is not in its reads=\('raw',\)"),
    Undeclared: (TypeError, r"does not declare `reads`\. .* The network returns: x, code, raw"),
    OneName: (TypeError, r"declares reads='raw'\. Set it to a tuple"),
    Stranger: (TypeError, r"reads drive, which the network does not return\. It returns: x, code"),
    Roots: (ValueError, r"is not finite at the start: .* 7 of 7 rows"),
    Endless: (ValueError, r"is not finite at the start: .* 7 of 7 rows"),
}


def _rows(n=N, width=D):
    return torch.rand(n, width, dtype=torch.float64, generator=Generator().manual_seed(0))


def _network():
    plan = DenseArchitecture((D, 5, K), "silu", False, False)
    return plan.build(Generator().manual_seed(0)).requires_grad_(True)


def _call_step(kind, objective, rows):
    """Have a step of some kind see the first batch."""
    network = _network()
    if kind == "quasi-newton":
        step = QuasiNewtonStep(network, objective)
    else:
        step = GradientStep(network, objective, 0.1, SCHEDULES["constant"](10))
    if kind == "autograd":
        step._differentiate = Autograd(network, objective)
    batch = Batch((rows,), rows)
    return step.evaluate(batch) if kind == "evaluation" else step.update(batch)


@pytest.mark.parametrize("kind", ["written out", "autograd", "quasi-newton", "evaluation"])
@pytest.mark.parametrize("cls", BROKEN)
def test_a_broken_term_is_named_at_the_first_batch(cls, kind):
    objective = Objective({"loss": SquaredError(), "mine": cls()})
    error, message = BROKEN[cls]
    with pytest.raises(error, match=rf"The term 'mine' \({cls.__name__}\) {message}"):
        _call_step(kind, objective, _rows())


@pytest.mark.parametrize("cls", [Undeclared, OneName, Stranger])
def test_what_is_read_is_checked_before_there_is_a_batch(cls):
    error, message = BROKEN[cls]
    with pytest.raises(error, match=message):
        Objective({"mine": cls()}).check_reads(Reconstruction._fields)


@pytest.mark.parametrize("kind", ["written out", "autograd"])
def test_a_batch_without_rows_leaves_the_check_to_the_next_one(kind):
    objective = Objective({"loss": SquaredError(), "mine": Forgetful()})
    _call_step(kind, objective, _rows(0))
    with pytest.raises(ValueError, match="depends on 'code'"):
        _call_step(kind, objective, _rows())


def test_terms_that_autograd_follows_may_depend_on_more_than_they_read():
    class Free(Forgetful):
        sees_outputs_only = False

    _call_step("autograd", Objective({"loss": SquaredError(), "mine": Free()}), _rows())


def test_an_outlier_may_be_infinitely_far():
    objective = Objective({"loss": SquaredError()})
    rows = _rows().float()
    far = rows.clone()
    far[3] = 1e30
    assert objective(Reconstruction(rows, rows, rows), far)["loss"].isinf().sum() == 1


class TestGradients:
    """Gradients that are written out and would be dropped, or broadcast."""

    @staticmethod
    def _lasso(name, shape):
        class Lasso(CodeLasso):
            def differentiate(self, outputs, target, factor):
                return self(outputs, target), {name: torch.ones(shape, dtype=torch.float64)}

        return Objective({"loss": SquaredError(), "mine": Lasso(1.0)})

    def test_of_another_field(self):
        message = r"'mine' \(Lasso\) returned a gradient of 'x', which is not in its reads"
        with pytest.raises(ValueError, match=message):
            _call_step("written out", self._lasso("x", (N, D)), _rows())

    def test_of_another_shape(self):
        message = r"'code' of shape \(7, 1\), but the field has shape \(7, 2\)"
        with pytest.raises(ValueError, match=message):
            _call_step("written out", self._lasso("code", (N, 1)), _rows())

    def test_as_they_should_be(self):
        _call_step("written out", self._lasso("code", (N, K)), _rows())


class TestShapes:
    """Outputs that would be broadcast against the target."""

    @pytest.mark.parametrize("shape", [(N, 1), (1, D), (D,), (N, 1, D)])
    def test_rows(self, shape):
        x = _rows()
        raw = torch.zeros(shape, dtype=torch.float64)
        with pytest.raises(ValueError, match=r"'loss' \(SquaredError\) .* \(7, 4\) is needed"):
            Objective({"loss": SquaredError()})(Reconstruction(x, x, raw), x)

    @pytest.mark.parametrize(
        ("shape", "is_good"), [((14, D), True), ((14, 1), False), ((15, D), False)]
    )
    def test_prefixes(self, shape, is_good):
        class Outputs(NamedTuple):
            raw: Tensor
            weight: Tensor

        outputs = Outputs(torch.zeros(shape, dtype=torch.float64), torch.ones(shape[0]))
        objective = Objective({"loss": OverPrefixes(SquaredError())})
        if is_good:
            assert objective(outputs, _rows())["loss"].shape == (N,)
            return
        with pytest.raises(ValueError, match=r"\(OverPrefixes\) .* \(14, 4\) is needed"):
            objective(outputs, _rows())

    @pytest.mark.parametrize("make", [ReconstructionLogLikelihood, ImportanceWeightedBound])
    @pytest.mark.parametrize("likelihood", [Gaussian(), Poisson()])
    def test_likelihoods(self, make, likelihood):
        plan = VariationalArchitecture((D, 5, K), "silu", False, 1, 1, likelihood.n_shared(D), 0)
        network = plan.build(Generator().manual_seed(0))
        outputs = network(_rows(), torch.zeros(N, 3, K, dtype=torch.float64))
        with pytest.raises(ValueError, match=r"raw has shape \(7, 3, 1\) where \(7, 3, 4\)"):
            Objective({"mine": make(likelihood)})(outputs, _rows())

    def test_outputs_without_names(self):
        with pytest.raises(TypeError, match=r"the network returned a Tensor\. Return a NamedTuple"):
            Objective({"loss": SquaredError()})(_rows(), _rows())


class TestCost:
    """The check is done once, and nothing is learned or remembered by it."""

    def test_terms_are_called_as_often_as_before(self):
        class CountedError(SquaredError):
            n_calls = 0

            def elementwise(self, raw, target):
                CountedError.n_calls += 1
                return super().elementwise(raw, target)

        objective = Objective({"loss": CountedError()})
        x = _rows()
        n_calls = []
        for _ in range(3):
            objective(Reconstruction(x, x, x), x)
            n_calls.append(CountedError.n_calls)
        assert n_calls == [2, 3, 4]

    @pytest.mark.parametrize("is_written_out", [False, True])
    def test_no_batch_is_counted_twice(self, is_written_out):
        network = SparseArchitecture((D, 6), "topk", 2, 1).build(Generator().manual_seed(0))
        revival = Revival(6, 100, 1)
        objective = Objective({"loss": SquaredError(), "revival": revival})
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        kind = WrittenOut if is_written_out else Autograd
        differentiate = kind(network.make_pass() if is_written_out else network, objective)
        with torch.no_grad():
            differentiate(Batch((_rows(),), _rows()), {})
        assert set(revival.idle.tolist()) == {0, N}

    def test_no_gradient_is_added(self):
        weight = nn.Parameter(torch.ones(3, dtype=torch.float64))

        class Ridge(Forgetful):
            reads = ("raw", "code")

            def __call__(self, outputs, target):
                return super().__call__(outputs, target) + weight.square().sum()

        x = _rows()
        Objective({"mine": Ridge()})(Reconstruction(x, x, x), x)
        assert weight.grad is None

    def test_losses_keep_nothing_of_it(self):
        # they are parts of fitted estimators and of their files
        loss, x = SquaredError(), _rows()
        Objective({"loss": loss})(Reconstruction(x, x, x), x)
        assert not vars(loss)


class TestArchitectures:
    def test_without_sizes(self):
        with pytest.raises(TypeError, match="The architecture Plan does not declare `sizes`"):

            @dataclass(frozen=True)
            class Plan(Architecture):
                n_units: int

                def build(self, generator):
                    return nn.Identity()

    def test_with_a_field_or_a_property(self):
        @dataclass(frozen=True)
        class Field(Architecture):
            sizes: tuple[int, ...]

            def build(self, generator):
                return nn.Identity()

        class Property(Architecture):
            @property
            def sizes(self):
                return 3, 2

            def build(self, generator):
                return nn.Identity()

        @dataclass(frozen=True)
        class Heir(Field):
            n_more: int

        for plan in (Field((3, 2)), Property(), Heir((3, 2), 1)):
            assert plan.n_weights == 6

    def test_bases_need_none(self):
        class Base(Architecture):
            """Has no `build` of its own."""

        assert Base.__abstractmethods__ == {"build"}


class TestChanges:
    def test_nothing_is_a_change(self):
        batch = Batch((_rows(),), _rows())
        assert NOTHING(batch) is batch
        assert NOTHING.generators == ()
        assert InTurn([NOTHING, NOTHING])(batch) is batch

    def test_none_is_not(self):
        message = r"changes\[1\] must be a BatchChange. Got None. .* skae.engine.NOTHING"
        with pytest.raises(TypeError, match=message):
            InTurn([NOTHING, None])
