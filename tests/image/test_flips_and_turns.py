"""Pairs that are mirrored and turned alike."""

import pytest
import torch

from skae.engine import Batch
from skae.image._flips_and_turns import FlipsAndTurns


def _change(is_mirrored=True, is_turned=True):
    return FlipsAndTurns(is_mirrored, is_turned, torch.Generator().manual_seed(0))


def _batch(*sizes, n=200):
    x = torch.arange(float(torch.tensor(sizes).prod())).view(1, *sizes).repeat(n, 1, 1, 1)
    return Batch((x,), 2 * x)


def _kinds(images):
    return {tuple(image.flatten().tolist()) for image in images}


@pytest.mark.parametrize(
    ("is_mirrored", "is_turned", "sizes", "n_kinds"),
    [
        (True, True, (2, 3, 3), 8),
        (False, True, (2, 3, 3), 4),
        (True, False, (2, 3, 3), 2),
        (True, True, (2, 3, 4), 4),
        (False, True, (2, 3, 4), 2),
        (False, False, (2, 3, 4), 1),
    ],
)
def test_all_moves_there_are(is_mirrored, is_turned, sizes, n_kinds):
    batch = _batch(*sizes)
    moved = _change(is_mirrored, is_turned)(batch)
    assert len(_kinds(moved.inputs[0])) == n_kinds
    assert (moved.target == 2 * moved.inputs[0]).all()
    assert (moved.inputs[0].flatten(1).sort().values == batch.inputs[0].flatten(1)).all()


def test_a_target_that_is_the_input_stays_it():
    x = _batch(1, 3, 3).inputs[0]
    moved = _change()(Batch((x,), x))
    assert moved.target is moved.inputs[0]


def test_the_given_batch_stays_as_it_is():
    batch = _batch(1, 3, 3)
    before = batch.inputs[0].clone()
    _change()(batch)
    assert (batch.inputs[0] == before).all()


def test_flips_are_along_the_last_axis():
    x = _batch(1, 2, 3).inputs[0]
    assert _kinds(_change(is_turned=False)(Batch((x,), x)).target) == {
        (0, 1, 2, 3, 4, 5),
        (2, 1, 0, 5, 4, 3),
    }
