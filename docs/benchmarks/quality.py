"""Time to a quality.

    SKAE_DATA=folder python docs/benchmarks/quality.py [others] [mnist]

`others`: the held-out error with which MLPRegressor and the plain torch loop end after 50 epochs of
Adam at 1e-3, and the shortest fit of AutoencoderTransformer, of several lengths, that is no worse;
one thread, three seeds (MNIST: one). `mnist`: squared error per test image of a wide network with
30 components, trained on all training images, pixels in [0, 1]; two threads, and products in
bfloat16, for which the processor should have units. To be run alone.
"""

import sys
import time

import numpy as np
import torch
from _data import load
from _peers import scikit_learn, torch_loop
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error

SETS = {"mnist": 30, "ad_optdigits": 16, "ad_satellite": 9, "ad_pendigits": 4}
SEEDS = (0, 1, 2)
LENGTHS = (1, 2, 3, 5, 8, 12, 20, 30)
HIDDEN = 128
MNIST_EPOCHS = 150


def load_single(name, seed):
    """Return training and test rows in float32: tables standardised, pixels in [0, 1]."""
    is_image = name == "mnist"
    scale = 255 if is_image else 1
    return [X.astype(np.float32) / scale for X in load(name, seed, standardize=not is_image)]


def timed(function):
    """Return what a call returns and the seconds it took."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def train_torch(train, test, k, seed):
    """Return the error of the plain loop and its time."""
    torch.manual_seed(seed)
    network, seconds = timed(lambda: torch_loop(train, (train.shape[1], HIDDEN, k), 50))
    with torch.no_grad():
        reconstructed = network(torch.from_numpy(test)).numpy()
    return float(np.square(test - reconstructed).sum(1).mean()), seconds


def train_scikit_learn(train, test, k, seed):
    """Return the error of MLPRegressor and its time."""
    model, seconds = timed(lambda: scikit_learn(train, (train.shape[1], HIDDEN, k), 50, seed))
    return float(np.square(test - model.predict(test)).sum(1).mean()), seconds


def train_skae(train, test, k, seed, targets):
    """Return, for every target, the time of the shortest fit that reaches it."""
    reached = {}
    for n_epochs in LENGTHS:
        model = AutoencoderTransformer(k, max_iter=n_epochs, random_state=seed, device="cpu")
        _, seconds = timed(lambda model=model: model.fit(train))
        error = reconstruction_error(model, test)
        for name, target in targets.items():
            if error <= target:
                reached.setdefault(name, seconds)
        if len(reached) == len(targets):
            break
    return [reached.get(name, np.inf) for name in targets]


def others():
    """Print how much sooner the errors of others are reached."""
    torch.set_num_threads(1)
    print("\n| set | error of torch, MLPRegressor over PCA's | their seconds | ours |")
    print("|---|---|---|---|")
    for name, k in SETS.items():
        for seed in SEEDS[:1] if name == "mnist" else SEEDS:
            train, test = load_single(name, seed)
            rivals = [f(train, test, k, seed) for f in (train_torch, train_scikit_learn)]
            errors = {"torch": rivals[0][0], "MLPRegressor": rivals[1][0]}
            ours = train_skae(train, test, k, seed, errors)
            pca = reconstruction_error(PCA(k, svd_solver="full").fit(train), test)
            shown = " / ".join(f"{error / pca:.3f}" for error in errors.values())
            theirs = " / ".join(f"{seconds:.1f}" for _, seconds in rivals)
            print(f"| {name}, seed {seed} | {shown} | {theirs} |", end=" ")
            print(" / ".join(f"{seconds:.2f}" for seconds in ours), "|", flush=True)


def mnist():
    """Print the squared error per test image."""
    torch.set_num_threads(2)
    train, test = load_single("mnist", 0)
    model = AutoencoderTransformer(
        30,
        hidden_layer_sizes=(1024, 512, 256),
        corruption="gaussian",
        corruption_level=0.08,
        learning_rate="cosine",
        learning_rate_init=4e-3,
        weight_decay=9.0,
        batch_size=512,
        max_iter=MNIST_EPOCHS,
        early_stopping=False,
        precision="bfloat16",
        random_state=0,
        device="cpu",
    )
    _, seconds = timed(lambda: model.fit(train))
    for name, X in {"training": train, "test": test}.items():
        print(f"{name}: {reconstruction_error(model, X):.3f} per image")
    print(f"{seconds:.0f} s; PCA: ", end="")
    print(f"{reconstruction_error(PCA(30, svd_solver='full').fit(train), test):.3f}")


def main(names):
    """Run what is asked for."""
    functions = {f.__name__: f for f in (others, mnist)}
    for name in names or functions:
        print(f"\n## {name}", flush=True)
        functions[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
