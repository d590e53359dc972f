"""One model by one process and by two: rows per second, and where the time goes.

    python docs/benchmarks/distributed.py [--brief]

`AutoencoderTransformer` with hidden layers of 1,024 and 512, 512 rows a batch and process, in
float32; each process has a thread and as many rows as every other. Rows are noise: the time of an
update does not depend on them. The bar is 1.6 times the rows per second with two processes on two
cores. Prints Markdown:

- `speed`: for 784 and 1,000 features, rows per second with one and with two processes, the ratio as
  the median of five rounds and their range; milliseconds
  of an update, and of them those in which gradients are added up, with the wait for the other
  process; those from one update to the next in which rows are read from files, and mixed;
- `survey`: seconds of the pass before the first epoch, for a million rows;
- `nodes`: what follows for 10**9 rows of 1,000 features: hours of an epoch on more processes, if
  a network carries 10 Gb/s, or what was measured here.
"""

import os
import socket
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

BATCH = 512
HIDDEN = (1024, 512)
N_COMPONENTS = 32
N_BATCHES = {"whole": 60, "brief": 8}
"""Of every process in an epoch."""
N_ROUNDS = {"whole": 5, "brief": 1}
"""One process and two by turns, since machines are shared; medians are shown."""
N_ROWS, N_FEATURES = 10**9, 1000
COUNTS = 1, 2, 8, 32, 128, 512
NETWORK = 10e9 / 8
"""Bytes per second."""


class Files:
    """Blocks in files."""

    def __init__(self, paths):
        self.paths = paths

    def __iter__(self):
        return (np.load(path) for path in self.paths)


class Clock:
    """Notes when a method begins and ends."""

    def __init__(self, cls, name):
        self.times = []
        method = getattr(cls, name)

        def timed(*args):
            begin = time.perf_counter()
            result = method(*args)
            self.times.append((begin, time.perf_counter()))
            return result

        setattr(cls, name, timed)

    def seconds(self, skipped):
        """Return how long each call took, without the first ones."""
        return np.array([end - begin for begin, end in self.times[skipped:]])


def write(folder, rank, n_features, n_batches):
    """Write the blocks of a process."""
    paths = []
    rng = np.random.default_rng(rank)
    for number in range(n_batches // 4):
        paths.append(folder / f"{n_features}-{rank}-{number}.npy")
        np.save(paths[-1], rng.normal(size=(4 * BATCH, n_features)).astype(np.float32))
    return Files(paths)


def measure(rank, n_processes, port, folder, n_features, n_batches):
    """Fit together; return the seconds that a process has taken."""
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "RANK": str(rank),
        "WORLD_SIZE": str(n_processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    import torch

    torch.set_num_threads(1)
    from skae import AutoencoderTransformer
    from skae.distributed import group
    from skae.engine import GradientStep
    from skae.engine._peers import Processes
    from skae.rows._survey import Surveyor

    blocks = write(folder, rank, n_features, n_batches)
    estimator = AutoencoderTransformer(
        N_COMPONENTS,
        hidden_layer_sizes=HIDDEN,
        batch_size=BATCH,
        max_iter=2,
        early_stopping=False,
        random_state=0,
    )
    survey = Clock(Surveyor, "survey")
    update, sum_up = Clock(GradientStep, "update"), Clock(Processes, "add_")
    with group():
        estimator.fit(blocks)
    skipped = n_batches // 2
    starts = np.array([begin for begin, _ in update.times[skipped:n_batches]])
    whole = np.diff(starts)
    updates = update.seconds(skipped)[: len(whole)]
    sums = [] if n_processes == 1 else sums_in(update.times[skipped:n_batches], sum_up.times)
    n_parameters = sum(p.numel() for p in estimator._network.module.parameters())
    return {
        "whole": np.median(whole),
        "update": np.median(updates),
        "sum": np.median(sums) if len(sums) else 0.0,
        "survey": survey.seconds(0)[0] / (n_batches * BATCH),
        "n_parameters": n_parameters,
    }


def sums_in(updates, sums):
    """Return how long gradients were added up in each update."""
    return [
        sum(end - begin for begin, end in sums if first <= begin < last) for first, last in updates
    ]


def find_port():
    """Return a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def run(n_processes, folder, n_features, n_batches):
    """Return the means over the processes of what they have measured."""
    arguments = n_processes, find_port(), folder, n_features, n_batches
    with ProcessPoolExecutor(n_processes, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(measure, rank, *arguments) for rank in range(n_processes)]
    found = [task.result() for task in tasks]
    return {name: float(np.mean([part[name] for part in found])) for name in found[0]}


def speed(n_batches, n_rounds):
    """Print and return what was measured."""
    print("| features | processes | rows per second | ratio | update | sums | reading |")
    print("|---|---|---|---|---|---|---|")
    measured = {}
    for n_features in (784, N_FEATURES):
        rounds = [run_both(n_features, n_batches) for _ in range(n_rounds)]
        ratios = np.sort([2 * one["whole"] / two["whole"] for one, two in rounds])
        told = [f"{np.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", "1"]
        for n_processes, found in enumerate(zip(*rounds, strict=True), start=1):
            medians = {name: np.median([part[name] for part in found]) for name in found[0]}
            measured[n_features, n_processes] = medians
            print_row(n_features, n_processes, told.pop(), medians)
    return measured


def run_both(n_features, n_batches):
    """Return what one process has measured, and two."""
    found = []
    for n_processes in (1, 2):
        with TemporaryDirectory() as folder:
            found.append(run(n_processes, Path(folder), n_features, n_batches))
    return found


def print_row(n_features, n_processes, ratio, found):
    """Print what some processes have measured."""
    rate = n_processes * BATCH / found["whole"]
    reading = found["whole"] - found["update"]
    shown = [1e3 * found["update"], 1e3 * found["sum"], 1e3 * reading]
    print(
        f"| {n_features} | {n_processes} | {rate:,.0f} | {ratio} | "
        + " | ".join(f"{value:.1f} ms" for value in shown)
        + " |",
        flush=True,
    )


def survey(measured):
    """Print how long the first pass takes."""
    for (n_features, n_processes), found in measured.items():
        seconds = 1e6 * found["survey"]
        print(f"- {n_features} features, {n_processes} processes: {seconds:.1f} s each")


def nodes(measured):
    """Print hours of an epoch on many processes."""
    alone, two = measured[N_FEATURES, 1], measured[N_FEATURES, 2]
    n_bytes = 4 * alone["n_parameters"]
    here = n_bytes / two["sum"]  # of two, each sends all of it once
    print(f"{alone['n_parameters']:,.0f} parameters, {n_bytes / 1e6:.1f} MB of gradients.\n")
    print("| processes | rows a batch, in all | 10 Gb/s | as measured here |\n|---|---|---|---|")
    for n in COUNTS:
        hours = []
        for rate in (NETWORK, here):
            # a ring: each sends and receives 2 (n - 1) / n of the gradients
            sums = 2 * (n - 1) / n * n_bytes / rate
            hours.append(N_ROWS / (n * BATCH) * (alone["whole"] + sums) / 3600)
        print(f"| {n} | {n * BATCH:,} | {hours[0]:.2f} h | {hours[1]:.2f} h |")


def main():
    """Print all of it."""
    extent = "brief" if "--brief" in sys.argv else "whole"
    print("\n## speed\n")
    measured = speed(N_BATCHES[extent], N_ROUNDS[extent])
    print("\n## survey\n")
    survey(measured)
    print("\n## nodes\n")
    nodes(measured)


if __name__ == "__main__":
    main()
