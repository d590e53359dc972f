"""What is done together: batches as many as those of others, with rows or without."""

import pytest
import torch
from torch import Generator

from skae.engine import (
    ALONE,
    SCHEDULES,
    Batch,
    Batches,
    CubatureNoise,
    DrawnLengths,
    Gaussian,
    GradientStep,
    ImageAugmentation,
    Masking,
    NormalNoise,
    Peers,
    SaltAndPepper,
    StreamedBatches,
    find_peers,
    mean_loss,
)
from skae.engine._differentiation import WrittenOut
from skae.networks import DenseArchitecture
from skae.objectives import LOSSES, Objective

GENERATOR = Generator().manual_seed(0)
CHANGES = {
    "gaussian": Gaussian(0.1, GENERATOR),
    "masking": Masking(0.1, GENERATOR, torch.zeros(4)),
    "salt_and_pepper": SaltAndPepper(0.1, GENERATOR, torch.zeros(4), torch.ones(4)),
    "moves": ImageAugmentation((1, 2, 2), (1, 2), 1, True, torch.zeros(4), GENERATOR),
    "lengths": DrawnLengths(3, GENERATOR),
    "noise": NormalNoise(2, 3, GENERATOR),
    "cubature": CubatureNoise(3),
}


class Others(Peers):
    """Others who have so many rows, and nothing to say beside.

    Parameters
    ----------
    n_rows : int
    batch_size : int
    """

    n_peers = 2

    def __init__(self, n_rows, batch_size):
        self.counts = n_rows, -(-n_rows // batch_size)

    def gather(self, value):
        return [value, self.counts]


def test_alone_nothing_changes():
    values = torch.arange(6.0).reshape(3, 2)
    means = values[0].clone()
    with find_peers() as peers:
        assert peers is ALONE
    assert ALONE.is_alone
    assert ALONE.gather("x") == ["x"]
    assert ALONE.broadcast("x") == "x"
    assert ALONE.average_(means, 3) == 3
    assert torch.equal(means, values[0])
    shares, n_rows = ALONE.average(values)
    assert n_rows == 3
    assert torch.equal(shares, values.mean(0))


def _stream(n_rows, batch_size, peers):
    rows = torch.arange(float(n_rows))[:, None]
    return StreamedBatches(
        lambda generator: rows.split(7),
        lambda rows: Batch((rows,), rows),
        n_rows,
        batch_size,
        torch.empty(min(n_rows, 20), 1),
        Generator().manual_seed(0),
        peers=peers,
    )


def _lie(n_rows, batch_size, peers):
    rows = torch.arange(float(n_rows))[:, None]
    return Batches((rows,), rows, torch.arange(n_rows), batch_size, GENERATOR, peers=peers)


@pytest.mark.parametrize("make", [_stream, _lie])
@pytest.mark.parametrize(("n_rows", "n_others"), [(30, 100), (100, 30), (1, 50), (0, 50), (50, 50)])
def test_there_are_as_many_batches_as_others_have(make, n_rows, n_others):
    batches = make(n_rows, 10, Others(n_others, 10))
    served = [batch.target.clone() for batch in batches]
    assert len(served) == len(batches) == max(n_rows, n_others) // 10
    assert batches.n_rows_of_all == n_rows + n_others
    sizes = [len(rows) for rows in served]
    assert max(sizes) - min(sizes) <= 1
    found = torch.cat(served).flatten().sort().values
    assert torch.equal(found, torch.arange(float(n_rows)))


@pytest.mark.parametrize("name", CHANGES)
def test_batches_without_rows_can_be_changed(name):
    x = torch.rand(3, 4)
    some, none = (CHANGES[name](Batch((rows,), rows)) for rows in (x, x[:0]))
    assert len(none.target) == 0
    for there, empty in zip(some.inputs, none.inputs, strict=True):
        assert empty.shape[0] == 0
        assert empty.shape[1:] == there.shape[1:]


def _step(is_written_out):
    plan = DenseArchitecture((4, 5, 2), "silu", False, False)
    network = plan.build(Generator().manual_seed(0)).requires_grad_(True)
    objective = Objective({"loss": LOSSES["squared_error"]()})
    # autograd knows nothing of a plain function
    known = objective if is_written_out else objective.__call__
    return GradientStep(network, known, 0.1, SCHEDULES["constant"](10))


@pytest.mark.parametrize("is_written_out", [False, True])
def test_batches_without_rows_have_no_gradient(is_written_out):
    step = _step(is_written_out)
    assert isinstance(step._differentiate, WrittenOut) == is_written_out
    before = step.state()
    rows = torch.rand(0, 4, dtype=torch.float64)
    losses = step.update(Batch((rows,), rows))
    assert all(len(values) == 0 for values in losses.values())
    assert torch.equal(step._flat.gradients, torch.zeros_like(step._flat.gradients))
    for value, wanted in zip(step.state(), before, strict=True):
        assert torch.equal(value, wanted)


def test_means_are_those_of_all_rows():
    step = _step(True)
    X = torch.rand(23, 4, dtype=torch.float64)
    batches = Batches((X,), X, torch.arange(23), 5)
    wanted = torch.cat([step.evaluate(Batch((row,), row))["loss"] for row in X.split(1)]).mean()
    assert mean_loss(step, batches) == pytest.approx(float(wanted), rel=1e-12)
