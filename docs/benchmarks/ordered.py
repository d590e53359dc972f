"""Ordered codes beside fits of every width.

    SKAE_DATA=folder python docs/benchmarks/ordered.py [quality] [selection] [features] [names ...]

`quality`: held-out error of one ordered fit at 1, 2, 4, 8 and 16 components over that of fits of
these widths, in the time that these take together; at the default number of epochs as well.
`selection`: seconds and choice of AutoencoderCV over 16 widths beside a grid search. `features`:
accuracy of a logistic regression on truncated codes. Prints Markdown. One thread, one fit at a
time. `--development` splits the training rows alone: settings were chosen by these.
"""

import sys
import time

import numpy as np
import torch
from _data import IMAGES, TABLES, labels, load
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderCV, AutoencoderTransformer
from skae.metrics import reconstruction_error

NAMES = ("digits", "breast_cancer", *TABLES[:7], "isolet1560", "mnist", "olivetti_faces")
CLASSIFIED = ("digits", "breast_cancer", "wine", "isolet1560", "coil20", "mnist")
WIDTHS = (1, 2, 4, 8, 16)
SEEDS = (0, 1, 2)
MAX_ROWS = 6000
"""Of MNIST, to have three seeds of it."""


def split(name, seed, is_development):
    """Return training and test rows."""
    train, test = load(name, seed)
    train, test = train[:MAX_ROWS], test[:MAX_ROWS]
    if is_development:
        return train_test_split(train, test_size=0.25, random_state=seed)
    return train, test


def timed(estimator, X):
    """Fit; return the estimator and its seconds."""
    start = time.perf_counter()
    estimator.fit(X)
    return estimator, time.perf_counter() - start


def quality(names, is_development):
    """Print a line per set and seed, and the summary."""
    print("\n| set | seed | s apart | s ordered | over fits apart | over PCA | 100 epochs, s | |")
    print("|---|---|---|---|---|---|---|---|")
    cells = {"in equal time": [], "in 100 epochs": []}
    for name in names:
        for seed in SEEDS:
            for key, ratios in line(name, seed, is_development).items():
                cells[key] += ratios
    for key, ratios in cells.items():
        over, over_pca = np.array(ratios).T
        print(f"\n{key}, {len(over)} cells:\n")
        print(f"- over fits apart: {geometric_mean(over):.3f}; worst {over.max():.3f}")
        print(f"- over PCA: {geometric_mean(over_pca):.3f}; worst {over_pca.max():.4f}; ", end="")
        print(f"above 1 in {(over_pca > 1 + 1e-6).sum()}")


def line(name, seed, is_development):
    """Print the line of a set and a seed; return its ratios."""
    train, test = split(name, seed, is_development)
    widths = [k for k in WIDTHS if k < min(train.shape)]
    pca = [reconstruction_error(PCA(k, svd_solver="full").fit(train), test) for k in widths]
    fits = [timed(AutoencoderTransformer(k, random_state=seed), train) for k in widths]
    apart = [reconstruction_error(fit, test) for fit, _ in fits]
    seconds = sum(s for _, s in fits)
    ordered = AutoencoderTransformer(widths[-1], ordered=True, random_state=seed)
    ordered, short = timed(ordered, train)
    results = {"in 100 epochs": errors(ordered, widths, test)}
    n_epochs = int(seconds / short * ordered.n_iter_)
    n_epochs = max(100, n_epochs)
    # patience grows with the course of the learning rate
    ordered.set_params(max_iter=n_epochs, n_iter_no_change=n_epochs // 5)
    ordered, long = timed(ordered, train)
    results["in equal time"] = errors(ordered, widths, test)
    over = {key: list(np.divide(e, apart)) for key, e in results.items()}
    shown = [f"{seconds:.1f}", f"{long:.1f}", show(over["in equal time"])]
    shown += [show(np.divide(results["in equal time"], pca)), f"{short:.1f}"]
    print(f"| {name} | {seed} | {' | '.join([*shown, show(over['in 100 epochs'])])} |", flush=True)
    return {key: list(zip(over[key], np.divide(e, pca), strict=True)) for key, e in results.items()}


def errors(ordered, widths, test):
    """Return held-out errors of an ordered fit at some widths."""
    return [reconstruction_error(ordered.truncate(k), test) for k in widths]


def show(ratios):
    """Return ratios as text."""
    return " / ".join(f"{r:.2f}" for r in ratios)


def geometric_mean(ratios):
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(ratios))))


def selection(names, is_development):
    """Print seconds and choices."""
    print("\n| set | grid, s | AutoencoderCV, s | chosen by the grid | by AutoencoderCV |")
    print("|---|---|---|---|---|")
    for name in names:
        train, _ = split(name, 0, is_development)
        widths = list(range(1, min(16, train.shape[1] - 1) + 1))
        grid = GridSearchCV(AutoencoderTransformer(random_state=0), {"n_components": widths})
        one = AutoencoderCV(widths, estimator=AutoencoderTransformer(random_state=0))
        (grid, apart), (one, together) = timed(grid, train), timed(one, train)
        choices = [f"{best(fitted)} / {within_one_error(fitted)}" for fitted in (grid, one)]
        print(f"| {name} | {apart:.1f} | {together:.1f} | {' | '.join(choices)} |", flush=True)


def best(fitted):
    """Return the width with the highest mean score."""
    return fitted.cv_results_["params"][fitted.best_index_]["n_components"]


def within_one_error(fitted):
    """Return the smallest width within one standard error of the best."""
    results = fitted.cv_results_
    mean = results["mean_test_score"]
    error = results["std_test_score"][fitted.best_index_] / (fitted.n_splits_ - 1) ** 0.5
    first = np.flatnonzero(mean >= mean[fitted.best_index_] - error)[0]
    return results["params"][first]["n_components"]


def features(names, is_development):
    """Print accuracies on standardised codes, mean of three stratified splits."""
    print("\n| set | codes | k=2 | k=4 | k=8 |")
    print("|---|---|---|---|---|")
    for name in names:
        X, y = labels(name)
        rows = {"PCA": [], "ordered": [], "apart": []}
        for seed in SEEDS:
            train, test, y_train, y_test = train_test_split(
                X, y, test_size=0.3, random_state=seed, stratify=y
            )
            scaler = StandardScaler().fit(train)
            if name not in IMAGES and name != "mnist":
                train, test = scaler.transform(train), scaler.transform(test)
            ordered = AutoencoderTransformer(8, ordered=True, random_state=seed).fit(train)
            reducers = {
                "PCA": lambda k, train=train: PCA(k, svd_solver="full").fit(train),
                "ordered": lambda k, ordered=ordered: ordered.truncate(k),
                "apart": lambda k, seed=seed, train=train: AutoencoderTransformer(
                    k, random_state=seed
                ).fit(train),
            }
            for key, reduce in reducers.items():
                accuracies = []
                for k in (2, 4, 8):
                    reducer = reduce(k)
                    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
                    model.fit(reducer.transform(train), y_train)
                    accuracies.append(model.score(reducer.transform(test), y_test))
                rows[key].append(accuracies)
        for key, accuracies in rows.items():
            shown = " | ".join(f"{a:.3f}" for a in np.mean(accuracies, axis=0))
            print(f"| {name} | {key} | {shown} |", flush=True)


def main(arguments):
    """Run what is asked for."""
    torch.set_num_threads(1)
    functions = {f.__name__: f for f in (quality, selection, features)}
    is_development = "--development" in arguments
    asked = [a for a in arguments if a in functions] or list(functions)
    names = [a for a in arguments if a not in functions and not a.startswith("--")]
    for key in asked:
        print(f"\n## {key}", flush=True)
        default = CLASSIFIED if key == "features" else NAMES
        functions[key](names or default, is_development)


if __name__ == "__main__":
    main(sys.argv[1:])
