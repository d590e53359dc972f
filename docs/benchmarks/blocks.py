"""Fits to tables that are larger than memory: what they take, and what they lose.

    python docs/benchmarks/blocks.py [memory] [quality]

`memory`: what fits of no and of two epochs to a memory map of 2 GB (1,000,000 rows of 512 numbers
in float32) add to the peak of a process that has skae and a small fit behind it, each estimator in
a process of its own; seconds of a fit without an epoch, and of an epoch. The bar is 300 MB.
`quality`: errors on 10,000 other rows of fits by 25 blocks and of fits in memory to the same
100,000 rows (200 MB), five epochs, three seeds: the share of the variance that is lost, and for the
VAE the negative log-likelihood in nats per row. The bar is 2 % of the error. Rows are a curved
surface of 16 dimensions and noise. One thread. Prints Markdown.
"""

import multiprocessing
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from skae import AutoencoderTransformer, VAETransformer

N_FEATURES, N_FACTORS = 512, 16
SIZES = {"memory": 1_000_000, "quality": 100_000}
N_TEST = 10_000
ESTIMATORS = {
    "AutoencoderTransformer": AutoencoderTransformer(16, device="cpu"),
    "VAETransformer": VAETransformer(16, device="cpu"),
}


def make_rows(n_rows, seed):
    """Return rows; the surface is always the same one."""
    surface = np.random.default_rng(0).normal(size=(2, N_FACTORS, N_FEATURES))
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_rows, N_FACTORS))
    curved = factors @ surface[0] + np.tanh(factors) @ surface[1] * 2
    noise = rng.standard_normal((n_rows, N_FEATURES), np.float32)
    return (curved + noise).astype(np.float32)


def write(path, n_rows):
    """Write rows to a file, some at a time."""
    X = np.memmap(path, np.float32, "w+", shape=(n_rows, N_FEATURES))
    for start in range(0, n_rows, 10_000):
        X[start : start + 10_000] = make_rows(min(10_000, n_rows - start), 1 + start)
    X.flush()


def peak():
    """Return the largest number of megabytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure_memory(name, path):
    """Return megabytes beyond those before, and the seconds of fits of 0 and of 2 epochs."""
    torch.set_num_threads(1)
    model = ESTIMATORS[name].set_params(random_state=0)
    model.set_params(max_iter=1).fit(make_rows(1000, 0))
    before = peak()
    X = np.memmap(path, np.float32, "r", shape=(SIZES["memory"], N_FEATURES))
    seconds = []
    for max_iter in 0, 2:
        start = time.perf_counter()
        model.set_params(max_iter=max_iter).fit(X)
        seconds.append(time.perf_counter() - start)
    return peak() - before, *seconds


def in_process(function, *arguments):
    """Return what a function finds in a process of its own.

    Its peak begins at that of this one, which therefore writes nothing.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def memory():
    """Print what fits take."""
    print("| estimator | MB | seconds without an epoch | seconds per epoch |\n|---|---|---|---|")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        in_process(write, path, SIZES["memory"])
        for name in ESTIMATORS:
            megabytes, none, two = in_process(measure_memory, name, path)
            print(f"| {name} | {megabytes:.0f} | {none:.0f} | {(two - none) / 2:.0f} |", flush=True)


def quality():
    """Print how good fits by blocks and in memory are."""
    print("| estimator | seed | in memory | by blocks | ratio |\n|---|---|---|---|---|")
    X, test = make_rows(SIZES["quality"], 1), make_rows(N_TEST, 2)
    for name, estimator in ESTIMATORS.items():
        for seed in range(3):
            model = estimator.set_params(random_state=seed, max_iter=5)
            errors = [find_errors(model.fit(x), test) for x in (X, np.array_split(X, 25))]
            for measure in errors[0]:
                one, other = (found[measure] for found in errors)
                shown = f"{one:.5g} | {other:.5g} | {other / one:.4f}"
                print(f"| {name}, {measure} | {seed} | {shown} |", flush=True)


def find_errors(model, test):
    """Return the share of the variance that is lost and, for a VAE, nats per row."""
    lost = np.square(test - model.reconstruct(test), dtype=np.float64).sum()
    total = np.square(test - test.mean(axis=0), dtype=np.float64).sum()
    errors = {"1 - R2": lost / total}
    if isinstance(model, VAETransformer):
        errors["nats"] = -model.score(test[:2000])
    return errors


if __name__ == "__main__":
    torch.set_num_threads(1)
    functions = {f.__name__: f for f in (memory, quality)}
    for name in sys.argv[1:] or functions:
        print(f"\n## {name}\n", flush=True)
        functions[name]()
