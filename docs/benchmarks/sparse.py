"""SparseAutoencoder beside MiniBatchDictionaryLearning: 128 atoms, six of them for a row.

    SKAE_DATA=folder python docs/benchmarks/sparse.py [digits mnist_patches ...]

Held-out explained variance, seconds to fit, microseconds to encode one of some thousand rows (the
best of three runs), dead atoms. Dictionary learning's alpha is chosen on a quarter of the training
rows; its time is that of the fit with the chosen one. Rows in float32. One thread. Prints a
Markdown table.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from _data import load
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from skae import SparseAutoencoder

N_ATOMS, N_NONZERO = 128, 6
ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0)
SEEDS = (0, 1)


def load_rows(name, seed):
    """Return centred training and test rows of unit mean square."""
    if name == "mnist_patches":
        images = np.load(Path(os.environ["SKAE_DATA"]) / "mnist.npz")["X_train"].reshape(-1, 28, 28)
        patches = PatchExtractor(patch_size=(8, 8), max_patches=4, random_state=seed)
        X = patches.transform(images[:6000] / 255.0).reshape(-1, 64)
        X = X[X.std(axis=1) > 0.05]
        train, test = train_test_split(X, test_size=0.25, random_state=seed)
    else:
        train, test = load(name, seed)
    mean = train.mean(axis=0)
    scale = np.sqrt(np.square(train - mean).mean())
    return tuple(((X - mean) / scale).astype(np.float32) for X in (train, test))


def timed(function, *arguments):
    """Return the result and the seconds it took."""
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def time_transform(model, test):
    """Return codes, and microseconds for a row when thousands are encoded at once."""
    rows = np.tile(test, (max(1, 4000 // len(test)), 1))
    seconds = min(timed(model.transform, rows)[1] for _ in range(3))
    return model.transform(test), 1e6 * seconds / len(rows)


def explained(model, codes, test, center):
    """Return the share of variance that codes explain."""
    reconstruction = codes @ model.components_ + center
    return r2_score(test, reconstruction, multioutput="variance_weighted")


def dictionary(alpha, seed):
    """Return scikit-learn's estimator."""
    return MiniBatchDictionaryLearning(
        N_ATOMS, alpha=alpha, transform_algorithm="omp",
        transform_n_nonzero_coefs=N_NONZERO, random_state=seed,
    )  # fmt: skip


def choose_alpha(train, seed):
    """Return the alpha with the best pursuit on a quarter of the training rows."""
    inner, valid = train_test_split(train, test_size=0.25, random_state=seed)
    scores = []
    for alpha in ALPHAS:
        model = dictionary(alpha, seed).fit(inner)
        scores.append(explained(model, model.transform(valid), valid, 0.0))
    return ALPHAS[int(np.argmax(scores))]


def compare(name, seed):
    """Print the rows of the table for one split."""
    train, test = load_rows(name, seed)
    alpha = choose_alpha(train, seed)
    model, seconds = timed(dictionary(alpha, seed).fit, train)
    codes, encoding = time_transform(model, test)
    score = explained(model, codes, test, 0.0)
    print(f"| {name} | {seed} | dictionary, alpha {alpha}, pursuit | {score:.3f} ", end="")
    print(f"| {seconds:.2f} | {encoding:.1f} | |")
    for n_steps in (1, 0, 3):
        coder = SparseAutoencoder(N_ATOMS, n_nonzero=N_NONZERO, n_steps=n_steps, random_state=seed)
        _, seconds = timed(coder.fit, train)
        dead = 100 * len(coder.dead_components_) / N_ATOMS
        for algorithm in ("encoder", "omp"):
            coder.set_params(transform_algorithm=algorithm)
            codes, encoding = time_transform(coder, test)
            score = explained(coder, codes, test, coder.intercept_)
            print(f"| {name} | {seed} | n_steps={n_steps}, {algorithm} | {score:.3f} ", end="")
            print(f"| {seconds:.2f} | {encoding:.1f} | {dead:.1f} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    # what torch does once in a process should not count
    SparseAutoencoder(4, max_iter=1).fit(np.random.default_rng(0).random((50, 8)))
    print("| data | seed | model | explained variance | fit s | us per row | dead % |")
    print("|---|---|---|---|---|---|---|")
    for name in sys.argv[1:] or ("digits", "mnist_patches", "olivetti_faces"):
        for seed in SEEDS:
            compare(name, seed)
