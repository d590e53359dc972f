"""CPU time of fits, and wall time of `import skae`, in two trees side by side.

The trees take turns, each fit in a process of its own on one thread; printed are the smallest and
the median CPU times, and the ratios of the second tree to the first::

    python docs/benchmarks/fit_speed.py BEFORE AFTER --rounds 7
"""

import argparse
import os
import statistics
import subprocess
import sys

CASES = {
    "small network": "AutoencoderTransformer(2, max_iter=30, random_state=0).fit(X[:500])",
    "large network": (
        "AutoencoderTransformer(16, hidden_layer_sizes=(1024, 1024), max_iter=4, random_state=0)"
        ".fit(X)"
    ),
    "digits, default": "AutoencoderTransformer(8, max_iter=25, random_state=0).fit(X)",
    "variational": "VAETransformer(8, max_iter=25, random_state=0).fit(X)",
    "convolutions": "ConvAutoencoder(8, max_iter=2, random_state=0).fit(X.reshape(-1, 8, 8))",
}
FIT = """
import time, warnings
import torch
from sklearn.datasets import load_digits
from skae import AutoencoderTransformer, ConvAutoencoder, VAETransformer
torch.set_num_threads(1)
warnings.simplefilter("ignore")
X = load_digits().data
{fit}  # the first one warms up
start = time.process_time()
{fit}
print(time.process_time() - start)
"""
IMPORT = "import time; start = time.perf_counter(); import skae; print(time.perf_counter() - start)"


def measure(tree, code):
    """Return the seconds that code prints in a process with a tree on its path."""
    environment = os.environ | {"PYTHONPATH": tree, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main():
    """Print a line for every case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trees", nargs=2)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    codes = {name: FIT.format(fit=fit) for name, fit in CASES.items()} | {"import": IMPORT}
    for name, code in codes.items():
        rounds = [[measure(t, code) for t in options.trees] for _ in range(options.rounds)]
        before, after = zip(*rounds, strict=True)
        ratio = statistics.median(b / a for a, b in rounds)
        print(
            f"{name}: {min(before):.3f} and {min(after):.3f} s (smallest), "
            f"{statistics.median(before):.3f} and {statistics.median(after):.3f} s (median), "
            f"ratio {min(after) / min(before):.3f} (smallest), {ratio:.3f} (median of pairs)",
            flush=True,
        )


if __name__ == "__main__":
    main()
