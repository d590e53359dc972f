"""Losses of logits."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional

from skae.metrics import dice
from skae.networks._unet import ImageOutputs
from skae.objectives import IGNORED, DiceCrossEntropy, PixelCrossEntropy, SoftDice

WEIGHT = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
LOSSES = {
    "cross_entropy": PixelCrossEntropy(WEIGHT),
    "focal": PixelCrossEntropy(WEIGHT, 2.0),
    "dice": SoftDice(torch.tensor([1, 2])),
    "dice_ce": DiceCrossEntropy(WEIGHT, torch.tensor([1, 2])),
}
over_losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@pytest.fixture
def raw():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 5, 6)))


@pytest.fixture
def target():
    """Classes of pixels, some of which are ignored, as the engine hands them on."""
    return torch.from_numpy(np.random.default_rng(1).integers(-1, 3, size=(4, 1, 5, 6)) * 1.0)


@over_losses
def test_there_is_a_value_for_every_image(loss, raw, target):
    values = loss(ImageOutputs(raw), target)
    apart = [loss(ImageOutputs(raw[[row]]), target[[row]]) for row in range(4)]
    torch.testing.assert_close(values, torch.cat(apart))
    assert values.std() > 0


@over_losses
def test_ignored_pixels_do_not_matter(loss, raw, target):
    values = loss(ImageOutputs(raw), target)
    changed = torch.where(target == IGNORED, -7 * raw, raw)
    torch.testing.assert_close(loss(ImageOutputs(changed), target), values)
    nothing = torch.full_like(target, IGNORED)
    assert loss(ImageOutputs(raw), nothing).abs().max() == 0


@over_losses
def test_gradient(loss, raw, target):
    assert gradcheck(lambda raw: loss(ImageOutputs(raw), target), raw.requires_grad_())


@over_losses
def test_certain_and_right_is_zero(loss, target):
    raw = 200 * functional.one_hot(target.clamp(min=0).long()[:, 0]).movedim(-1, 1).double()
    values = loss(ImageOutputs(raw), target)
    torch.testing.assert_close(values, torch.zeros_like(values), rtol=0, atol=1e-12)


@over_losses
def test_certain_and_wrong_is_finite(loss, raw, target):
    raw = (1e4 * raw).requires_grad_()
    values = loss(ImageOutputs(raw), target)
    values.sum().backward()
    assert values.isfinite().all()
    assert raw.grad.isfinite().all()


def test_cross_entropy_is_torchs(raw, target):
    known = target.clamp(min=0)
    expected = functional.cross_entropy(raw, known.long()[:, 0], reduction="none")
    values = PixelCrossEntropy(torch.ones(3))(ImageOutputs(raw), known)
    torch.testing.assert_close(values, expected.mean((1, 2)))
    weighted = functional.cross_entropy(raw, known.long()[:, 0], WEIGHT, reduction="none")
    values = PixelCrossEntropy(WEIGHT)(ImageOutputs(raw), known)
    torch.testing.assert_close(values, weighted.mean((1, 2)))


def test_focal_loss_is_its_formula(raw, target):
    known = target.clamp(min=0).long()
    p = raw.softmax(1).gather(1, known)
    expected = (-((1 - p) ** 2) * p.log()).mean((1, 2, 3))
    values = PixelCrossEntropy(torch.ones(3), 2.0)(ImageOutputs(raw), known.double())
    torch.testing.assert_close(values, expected)


def test_soft_dice_of_certain_predictions_is_the_metric():
    """But for the smoothing, which is small in large regions."""
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(3, size=(2, 2, 400, 400))
    raw = 100 * functional.one_hot(torch.from_numpy(predicted)).movedim(-1, 1).double()
    values = SoftDice(torch.tensor([1, 2]))(
        ImageOutputs(raw), torch.from_numpy(true)[:, None] * 1.0
    )
    assert 1 - values.mean().item() == pytest.approx(dice(true, predicted), abs=1e-4)
