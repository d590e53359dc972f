"""ConvAutoencoder beside AutoencoderTransformer at equal CPU time, and PCA.

    SKAE_DATA=folder python docs/benchmarks/conv.py [olivetti_faces coil20 mnist16 mnist32]

Squared error on test images over PCA's, CPU minutes, and how much memory a fit takes beyond the
input. The dense autoencoder is fitted with its defaults, and once more with as many epochs as take
the convolutional one's CPU time; the better of the two counts. One thread, each fit in a process of
its own. What differs from the defaults was chosen on a tenth of the training images. Prints a
Markdown table.
"""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, ConvAutoencoder

CASES = {
    "olivetti_faces": ("olivetti_faces", 30, {"augment": ("shift", "flip"), "max_iter": 120}),
    "coil20": ("coil20", 16, {"max_iter": 60}),
    "mnist16": ("mnist", 16, {"max_iter": 20}),
    "mnist32": ("mnist", 32, {"max_iter": 20}),
}
SEEDS = (0, 1)


def load_images(name, seed):
    """Return training and test images from 0 to 1; of MNIST 10,000 to train on."""
    file = np.load(Path(os.environ["SKAE_DATA"]) / f"{name}.npz")
    train, test = (file[key].astype(np.float32) / 255 for key in ("X_train", "X_test"))
    if len(train) > 10_000:
        train = train[np.random.default_rng(seed).permutation(len(train))[:10_000]]
    return train, test


def peak_memory():
    """Return the largest resident memory of this process so far, in MiB; for Linux."""
    (line,) = (n for n in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in n)
    return int(line.split()[1]) / 1024


def measure(Estimator, images, k, parameters):
    """Return test error per image, CPU seconds, epochs, epoch kept, MiB beyond the input."""
    torch.set_num_threads(1)
    train, test = images
    before = peak_memory()
    start = time.process_time()
    model = Estimator(k, **parameters).fit(train)
    seconds = time.process_time() - start
    memory = peak_memory() - before
    error = np.square(test - model.inverse_transform(model.transform(test))).sum() / len(test)
    return error, seconds, getattr(model, "n_iter_", 0), getattr(model, "best_iter_", 0), memory


def apart(*arguments):
    """Measure in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def compare(case, seed):
    """Print a row of the table."""
    name, k, parameters = CASES[case]
    seeded = {"random_state": seed}
    images = load_images(name, seed)
    flat = tuple(X.reshape(len(X), -1) for X in images)
    pca = apart(PCA, flat, k, {})
    conv = apart(ConvAutoencoder, images, k, {**parameters, **seeded})
    dense = [apart(AutoencoderTransformer, flat, k, seeded)]
    epochs = round(dense[0][2] * conv[1] / dense[0][1])
    if epochs > dense[0][2]:
        longer = {"max_iter": epochs, "n_iter_no_change": epochs}
        dense.append(apart(AutoencoderTransformer, flat, k, {**longer, **seeded}))
    best = min(dense)
    print(f"| {name} | {k} | {seed} | {pca[0]:.2f} | {conv[0]:.2f} ", end="")
    print(f"| {conv[0] / pca[0]:.3f} | {best[0] / pca[0]:.3f} ", end="")
    print(f"| {conv[1] / 60:.1f} | {best[1] / 60:.1f} | {conv[3]} of {conv[2]} ", end="")
    print(f"| {best[3]} of {best[2]} | {conv[4]:.0f} |", flush=True)


if __name__ == "__main__":
    print("| data | k | seed | PCA | convolutional | over PCA's | dense over PCA's ", end="")
    print("| min | dense, min | epochs | dense, epochs | MiB |")
    print("|" + "---|" * 12)
    for case in sys.argv[1:] or CASES:
        for seed in SEEDS:
            compare(case, seed)
