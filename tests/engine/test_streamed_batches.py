"""Rows that come by and by are served once an epoch, mixed, and to the same bits."""

import pytest
import torch
from torch import Generator

from skae.engine import Batch, RandomChange, StreamedBatches


def _batches(n_rows, batch_size, n_pooled, n_at_once=7, seed=0, change=None):
    rows = torch.arange(float(2 * n_rows)).reshape(n_rows, 2)

    def as_batch(rows):
        return Batch((rows[:, :1],), rows[:, 1:])

    return StreamedBatches(
        lambda generator: rows.split(n_at_once),
        as_batch,
        n_rows,
        batch_size,
        torch.empty(n_pooled, 2),
        Generator().manual_seed(seed),
        change,
    )


def _served(batches):
    # a batch lies where the last one lay
    return [batch.inputs[0][:, 0].clone() for batch in batches]


CASES = [
    (1, 1, 1),
    (10, 3, 6),
    (10, 10, 10),
    (10, 10, 20),
    (100, 8, 16),
    (100, 8, 37),
    (101, 50, 100),
    (100, 7, 1000),
    (19, 10, 19),
]


@pytest.mark.thinned(1)
@pytest.mark.parametrize("n_at_once", [1, 7, 1000])
@pytest.mark.parametrize(("n_rows", "batch_size", "n_pooled"), CASES)
def test_every_row_is_served_once(n_rows, batch_size, n_pooled, n_at_once):
    batches = _batches(n_rows, batch_size, n_pooled, n_at_once)
    for _ in range(2):
        parts = _served(batches)
        sizes = [len(part) for part in parts]
        assert len(parts) == len(batches)
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1
        assert torch.equal(torch.cat(parts).sort().values, 2 * torch.arange(float(n_rows)))


def test_inputs_and_targets_stay_together():
    for batch in _batches(50, 8, 16):
        assert torch.equal(batch.inputs[0] + 1, batch.target)


def test_epochs_have_other_orders():
    batches = _batches(100, 10, 40)
    first, second = (torch.cat(_served(batches)) for _ in range(2))
    assert not torch.equal(first, second)


def test_the_pool_mixes_what_comes():
    rows = torch.cat(_served(_batches(1000, 10, 500))) / 2
    # the first batches hold rows from all over the pool, not the first rows
    assert rows[:100].max() > 400
    # what stays in the pool is mixed with what comes after
    later = rows[500:600]
    assert later.min() < 500 < later.max()


def test_a_generator_makes_the_same_bits():
    one, other = (_batches(100, 10, 40, seed=3) for _ in range(2))
    assert torch.equal(torch.cat(_served(one)), torch.cat(_served(other)))


def test_an_epoch_follows_from_the_state():
    batches, other = _batches(100, 10, 40), _batches(100, 10, 40, seed=5)
    _served(batches)
    other.load_state_dict(batches.state_dict())
    assert torch.equal(torch.cat(_served(batches)), torch.cat(_served(other)))


class Shifted(RandomChange):
    """Adds a random number to the target."""

    def __call__(self, batch):
        return Batch(batch.inputs, batch.target + torch.rand(1, generator=self.generator))


def test_changes_are_made_and_their_generators_named():
    change = Shifted(Generator().manual_seed(1))
    batches = _batches(10, 5, 10, change=change)
    assert batches.generators[1] is change.generator
    for batch in batches:
        assert not torch.equal(batch.inputs[0] + 1, batch.target)
