"""Losses of all rows of a batch, found by two processes which have some of them each."""

import os
import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from skae.engine import ALONE
from skae.networks import Reconstruction

SCRIPT = Path(__file__).with_name("gathering.py")
SECONDS = 120


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What both processes have found, by the number of rows that the first one had."""
    folder = tmp_path_factory.mktemp("gathering")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen([sys.executable, str(SCRIPT), str(rank), str(folder)], env=environment)
        for rank in range(2)
    ]
    try:
        assert [process.wait(SECONDS) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    return [pickle.loads((folder / f"results-{rank}").read_bytes()) for rank in range(2)]


over_shards = pytest.mark.parametrize("n_first", [3, 7, 8, 0])


@over_shards
def test_both_have_all_rows_in_the_same_order(results, script, n_first):
    for found in results:
        assert torch.equal(found[n_first][0], script["make_rows"]())


@over_shards
@pytest.mark.parametrize("is_written_out", [False, True])
def test_they_learn_what_one_learns(results, script, n_first, is_written_out):
    wanted = script["learn"](script["make_rows"](), 1.0, ALONE, is_written_out)
    found = [result[n_first][1][is_written_out] for result in results]
    for (sums, gradients, state), *parts in zip(wanted, *found, strict=True):
        for name, value in sums.items():
            assert sum(part[0][name] for part in parts) == pytest.approx(value, rel=1e-10)
        for _, found_gradients, found_state in parts:
            torch.testing.assert_close(found_gradients, gradients, rtol=1e-9, atol=1e-12)
            for mine, other in zip(found_state, state, strict=True):
                torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-9)


def test_the_loss_of_pairs_matters(script):
    """Its gradient is not so small that the above would be true without it."""
    x = script["make_rows"]()
    outputs = Reconstruction(x=x, code=x[:, :2], raw=x)
    values, gradients = script["Repulsion"]().differentiate(outputs, x, 1 / len(x))
    assert values.unique().numel() == 1
    assert gradients["code"].abs().min() > 1e-3


def test_alone_rows_are_all_there_are():
    rows = torch.rand(3, 2, requires_grad=True)
    assert ALONE.gather_rows(rows) is rows
