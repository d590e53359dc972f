"""What processes have found together."""

import os
import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("ranks.py")


@pytest.fixture(scope="session")
def script():
    """What the script defines, by name."""
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="session")
def find_results(tmp_path_factory, script):
    """Have processes go through scenarios; return what each has found, None if it has died."""

    def find(*names):
        folder = tmp_path_factory.mktemp("ranks")
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(SCRIPT), str(folder), *names]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=240, check=True, env=environment
        )
        assert done.stdout.split() == [word for name in names for word in (name, "ended")]
        sys.stderr.write(done.stderr)
        counts = {name: script["count_processes"](name) for name in names}
        return {
            name: [_read(folder / f"{name}-{rank}") for rank in range(n)]
            for name, n in counts.items()
        }

    return find


def _read(path):
    return pickle.loads(path.read_bytes()) if path.exists() else None
