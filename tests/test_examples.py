"""The examples run, and each leaves its picture."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path):
    assert len(path.read_text().splitlines()) < 60
    # one thread for each: the tests run side by side
    environment = {**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, path], cwd=tmp_path, env=environment, check=True, timeout=300)
    picture = tmp_path / f"{path.stem.removeprefix('plot_')}.png"
    assert picture.stat().st_size > 10_000
