"""Held-out squared error of AutoencoderTransformer's defaults over PCA's.

PCA is fitted on all training rows, those included that the autoencoder holds out.

    SKAE_DATA=folder python docs/benchmarks/floor.py [--raw] [--others | --untouched] [names ...]

`--raw`: without standardising the tables. `--others`: on sets that only the rule was chosen on by
which an epoch is kept; `--untouched`: on sets that nothing was chosen on. One thread a fit, as
many fits at once as there are cores. Writes floor.csv (floor_raw.csv, floor_others.csv ...)
beside this file and prints the summary as Markdown.
"""

import csv
import sys
import time
from pathlib import Path

import numpy as np
import torch
from _data import FLOOR, OTHERS, UNTOUCHED, load
from joblib import Parallel, delayed
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error

SEEDS = (0, 1, 2)
SETS = {"--others": OTHERS, "--untouched": UNTOUCHED}
FIELDS = ("name", "n", "d", "k", "seed", "ratio", "best_iter", "n_iter", "seconds")


def cell(name, k, seed, standardize):
    """Fit PCA and the autoencoder; return one row of the table."""
    torch.set_num_threads(1)
    train, test = load(name, seed, standardize)
    pca = PCA(k, svd_solver="full").fit(train)
    start = time.perf_counter()
    autoencoder = AutoencoderTransformer(k, random_state=seed).fit(train)
    seconds = time.perf_counter() - start
    ratio = reconstruction_error(autoencoder, test) / reconstruction_error(pca, test)
    n, d = train.shape
    return dict(
        zip(
            FIELDS,
            (name, n, d, k, seed, ratio, autoencoder.best_iter_, autoencoder.n_iter_, seconds),
            strict=True,
        )
    )


def widths(name, standardize):
    """Return 2, d/4 and d/2; at most what PCA can give."""
    train, _ = load(name, 0, standardize)
    d = train.shape[1]
    return sorted({min(k, d, len(train) - 1) for k in (2, max(1, d // 4), d // 2)})


def geometric_mean(ratios):
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(ratios))))


def summarize(cells):
    """Print the counts, the worst cell and a line per set as Markdown."""
    ratios = np.array([c["ratio"] for c in cells])
    quarter = [c for c in cells if c["k"] == max(1, c["d"] // 4) or c["n"] <= c["d"] // 4]
    worst = max(cells, key=lambda c: c["ratio"])
    above = int((ratios > 1 + 1e-6).sum())
    kept = sum(c["best_iter"] == 0 for c in cells)
    print(f"- cells: {len(cells)}; start kept: {kept}")
    print(f"- above 1.00 (by more than 1e-6): {above} ({100 * above / len(cells):.1f} %)")
    print(f"- worst: {worst['ratio']:.4f} ({worst['name']}, k={worst['k']}, seed {worst['seed']})")
    print(f"- geometric mean: {geometric_mean(ratios):.3f}; at d/4: ", end="")
    print(f"{geometric_mean([c['ratio'] for c in quarter]):.3f}")
    print("\n| set | n | d | k | error over PCA's, three seeds | epochs |")
    print("|---|---|---|---|---|---|")
    for key in dict.fromkeys((c["name"], c["k"]) for c in cells):
        rows = [c for c in cells if (c["name"], c["k"]) == key]
        shown = " / ".join(f"{c['ratio']:.3f}" for c in rows)
        epochs = " / ".join(str(c["n_iter"]) for c in rows)
        n, d = rows[0]["n"], rows[0]["d"]
        print(f"| {key[0]} | {n} | {d} | {key[1]} | {shown} | {epochs} |")


def main(arguments):
    """Run all cells."""
    flags = [a for a in arguments if a.startswith("--")]
    standardize = "--raw" not in flags
    default = [name for flag, names in SETS.items() if flag in flags for name in names] or FLOOR
    names = [a for a in arguments if a not in flags] or default
    jobs = [(n, k, s, standardize) for n in names for k in widths(n, standardize) for s in SEEDS]
    cells = Parallel(n_jobs=-1)(delayed(cell)(*job) for job in jobs)
    suffix = "".join(flag.replace("--", "_") for flag in flags)
    with Path(__file__).with_name(f"floor{suffix}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(cells)
    summarize(cells)


if __name__ == "__main__":
    main(sys.argv[1:])
