"""Penalties on sparse codes, and what brings atoms back."""

import math
from typing import NamedTuple

import pytest
import torch
from torch import Generator, Tensor

from skae.networks import JumpReLU, SparseArchitecture, TopK
from skae.objectives import ActivationDivergence, ActiveCount, CodeLasso, Revival


class Outputs(NamedTuple):
    raw: Tensor
    code: Tensor
    drive: Tensor
    atoms: Tensor


def _outputs(n=6, m=5, d=4):
    generator = Generator().manual_seed(0)
    drive = torch.randn(n, m, generator=generator, dtype=torch.float64).requires_grad_(True)
    atoms = torch.nn.functional.normalize(
        torch.randn(m, d, generator=generator, dtype=torch.float64)
    )
    code = drive.relu()
    return Outputs(code @ atoms, code, drive, atoms)


TARGET = torch.randn(6, 4, generator=Generator().manual_seed(1), dtype=torch.float64)


def test_lasso():
    outputs = _outputs()
    expected = 0.3 * outputs.code.sum(1) / 2
    torch.testing.assert_close(CodeLasso(0.3)(outputs, TARGET), expected)


def test_divergence_is_zero_at_the_target_rate():
    code = torch.full((6, 5), 0.05, dtype=torch.float64).atanh() / 4
    code.requires_grad_(True)
    outputs = _outputs()._replace(code=code)
    value = ActivationDivergence(2.0, 0.05)(outputs, TARGET)
    torch.testing.assert_close(value, torch.zeros_like(value), atol=1e-12, rtol=0)
    (gradient,) = torch.autograd.grad(value.sum(), code)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-12, rtol=0)
    assert (ActivationDivergence(2.0, 0.2)(outputs, TARGET) > 0).all()


def test_divergence_is_summed_over_the_components():
    rate = 0.05
    outputs = _outputs()._replace(code=torch.full((6, 5), 0.2, dtype=torch.float64).atanh() / 4)
    one = rate * math.log(rate / 0.2) + (1 - rate) * math.log((1 - rate) / 0.8)
    value = ActivationDivergence(2.0, rate)(outputs, TARGET)
    torch.testing.assert_close(value, torch.full_like(value, 2 * 5 * one))


def test_count_of_nonzeros():
    threshold = JumpReLU(5)
    outputs = _outputs()
    count = ActiveCount(0.5, threshold.count)(outputs, TARGET)
    torch.testing.assert_close(count, (threshold(outputs.drive) > 0).double().sum(1) / 8)


def test_thresholds_learn_from_what_is_near_them():
    threshold = JumpReLU(2)
    near = torch.tensor([[0.6, 5.0], [0.4, -1.0]], dtype=torch.float64)
    threshold.count(near).sum().backward()
    assert threshold.slow_threshold.grad[0] < 0
    assert threshold.slow_threshold.grad[1] == 0


def test_topk_keeps_the_largest_positive_ones():
    drive = torch.tensor([[3.0, -1.0, 2.0, 5.0], [-1.0, -2.0, -3.0, 0.5]])
    expected = torch.tensor([[3.0, 0.0, 0.0, 5.0], [0.0, 0.0, 0.0, 0.5]])
    torch.testing.assert_close(TopK(2)(drive), expected)


def test_topk_breaks_ties():
    drive = torch.tensor([[2.0, 2.0, 2.0, 2.0], [4.0, 3.0, 2.0, 1.0]])
    assert (TopK(2)(drive) > 0).sum(1).tolist() == [2, 2]
    # as many in total, but not in each row
    drive = torch.tensor([[1.0, 1.0, 1.0, 0.0], [4.0, 3.0, 2.0, 1.0]])
    assert (TopK(2)(drive) > 0).sum(1).tolist() == [2, 2]


def test_gradients_of_directions_do_not_change_their_norm():
    coder = SparseArchitecture((4, 5), "topk", 2, 2).build(Generator().manual_seed(0))
    coder(TARGET).raw.square().sum().backward()
    along = (coder.directions.grad * coder.directions).sum(1)
    torch.testing.assert_close(along, torch.zeros_like(along), atol=1e-12, rtol=0)
    assert float(coder.directions.grad.abs().max()) > 0.1


def test_steps_are_those_of_iterative_thresholding():
    coder = SparseArchitecture((4, 5), "relu", 2, 1).build(Generator().manual_seed(0))
    atoms, outputs = coder.atoms(), coder(TARGET)
    first = (TARGET @ atoms.T).relu()
    drive = first + 0.3 * (TARGET - first @ atoms) @ atoms.T
    torch.testing.assert_close(outputs.drive, drive)
    torch.testing.assert_close(outputs.code, drive.relu())


class TestRevival:
    def test_only_unused_atoms_are_dead(self):
        outputs = _outputs()
        drive = outputs.drive.detach().clone()
        drive[:, 3] = -drive[:, 3].abs()
        drive.requires_grad_(True)
        outputs = outputs._replace(drive=drive, code=drive.relu())
        term = Revival(5, patience=12, n_used=2)
        torch.testing.assert_close(term(outputs, TARGET), torch.zeros(6, dtype=torch.float64))
        value = term(outputs, TARGET)
        # the dead atom's drive is negative everywhere: it explains nothing yet
        expected = (TARGET - outputs.raw).square().mean(1) / 32
        torch.testing.assert_close(value, expected.detach())

    def test_nothing_is_added_without_gradients(self):
        outputs = _outputs()
        term = Revival(5, patience=0, n_used=2)
        with torch.no_grad():
            still = Outputs(*(field.detach() for field in outputs))
            assert (term(still, TARGET) == 0).all()
        assert (term(outputs, TARGET) > 0).any()

    @pytest.mark.parametrize("n_used", [1, 5, 50])
    def test_few_dead_atoms(self, n_used):
        outputs = _outputs()
        assert torch.isfinite(Revival(5, patience=0, n_used=n_used)(outputs, TARGET)).all()
