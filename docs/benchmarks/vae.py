"""VAETransformer: log-likelihood of tables and of MNIST, and the quality of samples.

    SKAE_DATA=folder python docs/benchmarks/vae.py likelihood | mnist [epochs] [schedule] | samples

`likelihood`: held-out log-likelihood of the defaults with d/4 components, beside probabilistic
PCA (the start) and factor analysis; one thread a fit, as many fits at once as there are cores.
`mnist`: dynamically binarised MNIST, one stochastic layer of 50 units. `samples`: Frechet distance
between digits and samples in the features of a small classifier. Prints Markdown tables.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from _data import TABLES, load
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skae import VAETransformer

SEEDS = (0, 1, 2)
SETS = ("breast_cancer", "digits", *(name for name in TABLES if name.startswith("ad_")))


def load_continuous(name, seed):
    """Return training and test rows; digits with noise of half a grey level."""
    train, test = load(name, seed)
    if name == "digits":
        rng = np.random.default_rng(seed)
        train, test = (X + rng.uniform(-0.5, 0.5, X.shape) for X in (train, test))
    return train, test


def cell(name, seed):
    """Fit the models; return the width, held-out log-likelihoods in nats, epoch, active units."""
    torch.set_num_threads(1)
    train, test = load_continuous(name, seed)
    k = max(1, train.shape[1] // 4)
    models = VAETransformer(k, max_iter=0), PCA(k), FactorAnalysis(k, random_state=0)
    scores = [model.fit(train).score(test) for model in models]
    vae = VAETransformer(k, random_state=seed).fit(train)
    return k, *scores, vae.score(test), vae.best_iter_, vae.active_units_


def likelihood():
    """Compare held-out log-likelihoods."""
    jobs = [(name, seed) for name in SETS for seed in SEEDS]
    cells = dict(zip(jobs, Parallel(n_jobs=-1)(delayed(cell)(*j) for j in jobs), strict=True))
    gains = np.array([c[4] - c[1] for c in cells.values()])
    means = gains.reshape(len(SETS), -1).mean(axis=1)
    print(f"- smallest gain {gains.min():+.3f} nats; cells with one: {np.mean(gains > 1e-6):.0%}")
    print(f"- sets with a gain on average: {np.mean(means > 1e-6):.0%} of {len(SETS)}")
    print("\n| set | k | seed | PPCA | PCA.score | factor analysis | VAE | gain | epoch | active |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for ((name, seed), (k, *scores, epoch, active)), gain in zip(cells.items(), gains, strict=True):
        shown = " | ".join(f"{score:.2f}" for score in scores)
        print(f"| {name} | {k} | {seed} | {shown} | {gain:+.2f} | {epoch} | {active} |")


def mnist(epochs="300", schedule="averaged"):
    """Train 784-200-200-50 on dynamically binarised MNIST; score the binarised test images."""
    file = np.load(Path(os.environ["SKAE_DATA"]) / "mnist.npz")
    train, test = (file[k].reshape(-1, 784) / np.float32(255) for k in ("X_train", "X_test"))
    test = (np.random.default_rng(0).random(test.shape) < test).astype(np.float32)
    model = VAETransformer(
        50,
        hidden_layer_sizes=(200, 200),
        likelihood="bernoulli",
        dynamic_binarization=True,
        max_iter=int(epochs),
        n_iter_no_change=int(epochs),
        learning_rate=schedule,
        learning_rate_init=3e-3,
        batch_size=256,
        random_state=0,
        verbose=1,
    )
    torch.set_num_threads(1)
    start = time.perf_counter()
    model.fit(train)
    fitted = time.perf_counter() - start
    scores = model.score_samples(test, n_importance_samples=500)
    error = scores.std() / len(scores) ** 0.5
    print(f"- negative log-likelihood {-scores.mean():.2f} nats (standard error {error:.2f})")
    print(f"- epochs {model.n_iter_}, kept {model.best_iter_}, active {model.active_units_}")
    print(
        f"- fit {fitted / 60:.1f} min, score {(time.perf_counter() - start - fitted) / 60:.1f} min"
    )


def frechet(features_a, features_b):
    """Return the squared Frechet distance between the normal fits of two sets of rows."""
    mean = features_a.mean(axis=0) - features_b.mean(axis=0)
    a, b = (np.cov(f.T) for f in (features_a, features_b))
    # the trace of the root of a product: eigenvalues, which need no inverse
    roots = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0))
    return float(mean @ mean + np.trace(a) + np.trace(b) - 2 * roots.sum())


def samples(n_components=16, n_samples=4000):
    """Frechet distance between held-out digits and samples."""
    X, y = load_digits(return_X_y=True)
    print("| seed | held out | PCA + normal | PCA + mixture | VAE, prior | VAE, mixture |")
    print("|---|---|---|---|---|---|")
    for seed in SEEDS:
        train, test, y_train, _ = train_test_split(X, y, test_size=0.5, random_state=seed)
        network = MLPClassifier((32,), max_iter=500, random_state=seed).fit(train / 16, y_train)

        def features(rows, network=network):
            return np.maximum(rows / 16 @ network.coefs_[0] + network.intercepts_[0], 0)

        pca = PCA(n_components, random_state=seed).fit(train)
        codes = pca.transform(train)
        drawn = [train]
        for n_modes in (1, 30):
            mixture = GaussianMixture(n_modes, reg_covar=1e-3, random_state=seed).fit(codes)
            drawn.append(pca.inverse_transform(mixture.sample(n_samples)[0]))
        for density in ("prior", "gmm"):
            model = VAETransformer(n_components, latent_density=density, random_state=seed)
            drawn.append(model.fit(train).sample(n_samples, random_state=seed))
        distances = (frechet(features(rows.clip(0, 16)), features(test)) for rows in drawn)
        print(f"| {seed} | " + " | ".join(f"{d:.2f}" for d in distances) + " |", flush=True)


if __name__ == "__main__":
    {"likelihood": likelihood, "mnist": mnist, "samples": samples}[sys.argv[1]](*sys.argv[2:])
