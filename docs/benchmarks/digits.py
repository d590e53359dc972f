"""Denoising, features and time on scikit-learn's digits.

    python docs/benchmarks/digits.py denoise | features | time

Prints Markdown tables. One thread, except for the grid of `time`, which uses all cores.
"""

import sys
import time

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2_scorer

SEEDS = (0, 1, 2)


def psnr(clean, image):
    """Return the peak signal-to-noise ratio in dB of images in [0, 1]."""
    return -10 * np.log10(np.square(clean - image).mean())


def denoise(sigma=0.25, n_components=32):
    """Held-out PSNR of the denoising autoencoder, PCA and ridge regression."""
    X = load_digits().data / 16
    print(f"| seed | noisy | PCA({n_components}) | PCA, best width | ridge | autoencoder |")
    print("|---|---|---|---|---|---|")
    for seed in SEEDS:
        train, test = train_test_split(X, test_size=0.4, random_state=seed)
        rng = np.random.default_rng(seed)
        noisy = test + rng.normal(scale=sigma, size=test.shape)
        pca = [PCA(k).fit(train) for k in range(1, 65)]
        by_pca = [psnr(test, p.inverse_transform(p.transform(noisy))) for p in pca]
        copies = np.vstack([train] * 10)
        ridge = RidgeCV(np.logspace(-2, 4, 13)).fit(
            copies + rng.normal(scale=sigma, size=copies.shape), copies
        )
        autoencoder = AutoencoderTransformer(
            n_components, corruption="gaussian", corruption_level=sigma, random_state=seed
        ).fit(train)
        row = (
            psnr(test, noisy),
            by_pca[n_components - 1],
            max(by_pca),
            psnr(test, ridge.predict(noisy)),
            psnr(test, autoencoder.reconstruct(noisy)),
        )
        print(f"| {seed} | " + " | ".join(f"{value:.2f}" for value in row) + " |", flush=True)


def features(widths=(2, 4, 8)):
    """Accuracy of a logistic regression on standardised codes."""
    X, y = load_digits(return_X_y=True)
    splits = list(StratifiedShuffleSplit(3, test_size=0.3, random_state=0).split(X, y))
    print("| reducer | " + " | ".join(f"k={k}" for k in widths) + " |")
    print("|---|" + "---|" * len(widths))
    for name, reducer in (("PCA", PCA()), ("autoencoder", AutoencoderTransformer())):
        cells = []
        for k in widths:
            scores = [
                make_pipeline(
                    reducer.set_params(n_components=k, random_state=seed),
                    StandardScaler(),
                    LogisticRegression(max_iter=2000),
                )
                .fit(X[train], y[train])
                .score(X[test], y[test])
                for seed, (train, test) in enumerate(splits)
            ]
            shown = " / ".join(f"{score:.3f}" for score in scores)
            cells.append(f"{np.mean(scores):.3f} ({shown})")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def seconds():
    """Time of a default fit on one thread, and of a grid on all cores."""
    X = load_digits().data
    for k in (2, 8, 32):
        times = []
        for seed in SEEDS:
            start = time.perf_counter()
            AutoencoderTransformer(k, random_state=seed).fit(X)
            times.append(time.perf_counter() - start)
        print(f"- fit, n_components={k}: " + ", ".join(f"{t:.1f} s" for t in times), flush=True)
    grid = {
        "pca": [PCA(), AutoencoderTransformer(random_state=0)],
        "pca__n_components": [2, 4, 8, 16, 32],
    }
    start = time.perf_counter()
    GridSearchCV(make_pipeline(PCA()), grid, scoring=reconstruction_r2_scorer, cv=3, n_jobs=-1).fit(
        X
    )
    print(f"- grid of 10 candidates, 3 folds: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"denoise": denoise, "features": features, "time": seconds}[sys.argv[1]]()
