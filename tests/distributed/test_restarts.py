"""Processes that torchrun starts anew go on from the file of those that were killed."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("restarted.py")
TORCHRUN = ["torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
TIMEOUT = 60


def run(*command):
    """Run a module of Python; return its code and what it has printed, and leave nothing behind."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        # torchrun passes it on to its processes
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=TIMEOUT)
    return process.returncode, printed


def test_a_fit_that_torchrun_starts_anew_goes_on_to_the_same_bits(tmp_path):
    code, printed = run(*TORCHRUN, "--max-restarts", "1", str(SCRIPT), str(tmp_path))
    assert code == 0, printed
    for rank in range(2):
        found, wanted, n_updates, n_updates_of_all = pickle.loads(
            (tmp_path / f"found-{rank}").read_bytes()
        )
        for name, value in wanted["weights"].items():
            assert (found["weights"][name] == value).all()
        assert found["loss_curve"] == wanted["loss_curve"]
        assert (n_updates, n_updates_of_all) == (3 * 3, 3 * 7)
