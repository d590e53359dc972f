"""Speed of training and of inference, beside others and beside bare matrix products.

    python docs/benchmarks/speed.py [epoch] [inference] [growth] [fits] [memory] [threads]

`epoch`: seconds per epoch of one autoencoder, trained by skae and by others, each in a process of
its own, in turn, five times; needs requirements.txt. `inference`: the public methods over bare
matrix products. `growth`: seconds per epoch against rows, features and components. `fits`: a grid
search, a small fit, an import. `memory`: what a fit takes beyond X. `threads`: epochs on one and
on two threads, on an idle machine and beside a busy process. Prints Markdown; `growth` draws
growth.png beside this file.

To be run alone: a busy process beside it makes everything slower, and not evenly.
"""

import multiprocessing
import os
import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from _peers import seconds_per_epoch, skae_default
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skae import AutoencoderTransformer

NETWORKS = {"large": "784,128,32", "small": "64,32,8"}
DEFAULTS = {"784": "784,512,512,32", "64": "64,128,128,8"}
PEERS = ("skae", "torch_loop", "scikit_learn", "skorch", "pythae", "pyod", "keras")
N_ROWS = 10_000
N_RUNS = 5


def in_process(name, sizes, n_threads=1, n_rows=N_ROWS):
    """Return the seconds per epoch that a process of its own measures."""
    script = Path(__file__).with_name("_peers.py")
    command = [sys.executable, str(script), name, sizes, str(n_rows)]
    environment = os.environ | {"OMP_NUM_THREADS": str(n_threads)}
    out = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    ).stdout
    return float(out.split()[-1])


def medians(names, sizes):
    """Return the median of each name's seconds per epoch over runs in turn."""
    runs = [[in_process(name, sizes) for name in names] for _ in range(N_RUNS)]
    return dict(zip(names, np.median(runs, axis=0), strict=True))


def epoch():
    """Print seconds per epoch over bare products."""
    tables = {name: medians(("bare", *PEERS), sizes) for name, sizes in NETWORKS.items()}
    print("\n| over the bare products |", " | ".join(f"{n} ({NETWORKS[n]})" for n in tables), "|")
    print("|---|" + "---|" * len(tables))
    for peer in PEERS:
        ratios = [f"{table[peer] / table['bare']:.2f}" for table in tables.values()]
        print(f"| {peer} |", " | ".join(ratios), "|")
    bares = " / ".join(f"{1000 * table['bare']:.1f}" for table in tables.values())
    print(f"\nBare products: {bares} ms per {N_ROWS} rows.")
    for name, sizes in DEFAULTS.items():
        table = medians(("bare_linear", "skae_default"), sizes)
        ratio = table["skae_default"] / table["bare_linear"]
        print(f"Default network, {name} features: {ratio:.2f} times its bare products.")


def best_of(function, n_runs=7):
    """Return the shortest time of a call."""
    times = []
    for _ in range(n_runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def products(X, widths, batch=1024):
    """Multiply rows by matrices of these widths, and by one from the first to the last."""
    x = torch.from_numpy(X)
    matrices = [torch.randn(a, b, dtype=x.dtype) for a, b in pairwise(widths)]
    shortcut = torch.randn(widths[0], widths[-1], dtype=x.dtype)

    def run():
        for part in x.split(batch):
            part @ shortcut
            for matrix in matrices:
                part = part @ matrix

    return run


def inference():
    """Print times of the public methods over bare products, and of one row."""
    print(
        "\n| network | dtype | transform | inverse_transform | reconstruct |\n|---|---|---|---|---|"
    )
    for sizes in (*NETWORKS.values(), *DEFAULTS.values()):
        n_features, *hidden, n_components = map(int, sizes.split(","))
        for dtype in (np.float32, np.float64):
            X = np.random.default_rng(0).normal(size=(N_ROWS, n_features)).astype(dtype)
            model = AutoencoderTransformer(
                n_components, hidden_layer_sizes=hidden, max_iter=0, device="cpu"
            ).fit(X[:1000])
            codes = model.transform(X)
            widths = (n_features, *hidden, n_components)
            forth = best_of(products(X, widths))
            back = best_of(products(codes, widths[::-1]))
            ratios = (
                best_of(lambda model=model, X=X: model.transform(X)) / forth,
                best_of(lambda model=model, codes=codes: model.inverse_transform(codes)) / back,
                best_of(lambda model=model, X=X: model.reconstruct(X)) / (forth + back),
            )
            shown = " | ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"| {sizes} | {np.dtype(dtype).name} | {shown} |")
    X = load_digits().data
    model = AutoencoderTransformer(8, hidden_layer_sizes=(32,), max_iter=1, device="cpu").fit(X)
    row, code = X[:1], model.transform(X[:1])
    calls = {
        "transform": lambda: model.transform(row),
        "inverse_transform": lambda: model.inverse_transform(code),
        "reconstruct": lambda: model.reconstruct(row),
    }
    for name, call in calls.items():
        seconds = best_of(lambda call=call: [call() for _ in range(200)]) / 200
        print(f"One row, {name}: {1000 * seconds:.3f} ms.")


def growth():
    """Print and draw seconds per epoch against rows, features and components."""
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(0)
    axes = {
        "rows": [(n, 64, 8) for n in (1000, 10_000, 100_000)],
        "features": [(10_000, d, 8) for d in (16, 64, 256, 1024)],
        "components": [(10_000, 256, k) for k in (2, 8, 32, 128)],
    }
    figure, places = plt.subplots(1, 3, sharey=True, figsize=(9, 3), layout="constrained")
    for (name, cells), place in zip(axes.items(), places, strict=True):
        seconds = []
        for n, d, k in cells:
            X = rng.normal(size=(n, d)).astype(np.float32)
            seconds.append(seconds_per_epoch(skae_default, X, (d, 128, 128, k)))
        values = [cell[list(axes).index(name)] for cell in cells]
        print(f"{name} {values}: {', '.join(f'{s:.3g}' for s in seconds)} s per epoch")
        place.loglog(values, seconds, "o-")
        place.set(xlabel=name)
    places[0].set(ylabel="seconds per epoch")
    figure.savefig(Path(__file__).with_name("growth.png"), dpi=100)


def fits():
    """Print the times of a grid search, of a small fit and of the import."""
    X = load_digits().data
    model = AutoencoderTransformer(random_state=0, device="cpu")
    grid = {"n_components": [2, 4, 6, 8, 10, 12, 16, 20, 24, 32]}
    start = time.perf_counter()
    GridSearchCV(model, grid, cv=5, n_jobs=2).fit(X)
    print(
        f"Grid of 10 widths, 5 folds, digits, two processes: {time.perf_counter() - start:.0f} s."
    )
    X = np.random.default_rng(0).normal(size=(1000, 20))
    small = AutoencoderTransformer(max_iter=1, device="cpu")
    print(f"Fit of 1000 x 20, one epoch: {1000 * best_of(lambda: small.fit(X)):.0f} ms.")
    imports = {
        "torch and scikit-learn": "import torch, sklearn.decomposition",
        "skae": "import skae",
    }
    seconds = {
        name: best_of(lambda code=code: subprocess.run([sys.executable, "-c", code], check=True))
        for name, code in imports.items()
    }
    shown = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    print(f"Import in a new process: {shown}.")


def memory():
    """Print what a fit takes beyond X, which holds 300 MB in float32."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        size, more = pool.apply(_peak)
    print(f"X: {size:.0f} MB; beyond it {more:.0f} MB, {more / size:.2f} times X.")


def _peak():
    """Return megabytes of X, and what a fit adds to the peak of the process."""
    X = np.random.default_rng(0).random((300_000, 256), np.float32)
    AutoencoderTransformer(8, max_iter=1, device="cpu").fit(X[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    AutoencoderTransformer(8, max_iter=1, device="cpu").fit(X)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return X.nbytes / 1e6, (after - before) * 1024 / 1e6


def _spin():
    while True:
        pass


def threads():
    """Print milliseconds per epoch on one and on two threads."""
    print("\n| network | machine | one thread | two threads | as fit chooses of two |")
    print("|---|---|---|---|---|")
    runs = (("skae_default", 1), ("skae_all_threads", 2), ("skae_default", 2))
    for is_busy in (False, True):
        neighbour = multiprocessing.Process(target=_spin, daemon=True)
        if is_busy:
            neighbour.start()
        for sizes in (*NETWORKS.values(), *DEFAULTS.values()):
            seconds = [[in_process(n, sizes, k, 2000) for n, k in runs] for _ in range(3)]
            shown = " | ".join(f"{1000 * s:.0f}" for s in np.median(seconds, axis=0))
            print(f"| {sizes} | {'busy' if is_busy else 'idle'} | {shown} |", flush=True)
        if is_busy:
            neighbour.kill()


def main(names):
    """Run what is asked for."""
    torch.set_num_threads(1)
    functions = {f.__name__: f for f in (epoch, inference, growth, fits, memory, threads)}
    for name in names or functions:
        print(f"\n## {name}", flush=True)
        functions[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
