"""Colours of grey images: ImageColorizer beside look-ups and neighbours.

    SKAE_DATA=folder python docs/benchmarks/colorize.py [--seconds 150] [--seeds 0 1 2]
        [--variants default rgb ...] [--alone]

The 3,200 training and 800 test images of cifar10_lossless4k, 32 x 32 pixels. PSNR in dB of red,
green and blue in [0, 1]: by the squared error of all images together; the mean over images, and in
parentheses the worst one's, of those that have colours. (Grey images have an infinite PSNR as they
are.) "ab": mean distance in the plane of a and b of CIE Lab. The look-up gives every lightness
the mean, or the median, a and b that it has in the training images; "neighbours" gives every pixel
the mean of those of the 5 pixels, of 20,000, with the nearest lightness in 7 x 7 pixels around. The
colorizer's epochs are as many as fit into the seconds of CPU time, by the time of one; variants
differ from the first in a parameter. What differs from the estimator's defaults was chosen on a
part of the training images. One thread. Prints a Markdown table.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.neighbors import KNeighborsRegressor

from skae._colors import find_grey, find_lightness, lab_to_rgb, rgb_to_lab
from skae.image import ImageColorizer
from skae.metrics import ab_error
from skae.starts._windows import find_patches

N_PATCHES = 20_000
VARIANTS = {
    "default": {},
    "squared error": {"loss": "squared_error"},
    "huber": {"loss": "huber"},
    "hsv": {"color_space": "hsv"},
    "rgb": {"color_space": "rgb"},
    "rgb, per channel": {"color_space": "rgb", "per_channel": True},
    "per channel": {"per_channel": True},
    "weight decay 1": {"weight_decay": 1.0},
    "wider": {"base_channels": 32},
    "deeper": {"depth": 3},
}


def load():
    """Return images to train on and to test with, in colour, channels first."""
    file = np.load(Path(os.environ["SKAE_DATA"]) / "cifar10_lossless4k.npz")
    images = (file[key].astype(np.float32) / 255 for key in ("X_train", "X_test"))
    return [np.ascontiguousarray(np.moveaxis(maps, -1, 1)) for maps in images]


def paint(images, ab):
    """Return colours of the lightness of images; ab has shape (n, height, width, 2)."""
    lightness = find_lightness(find_grey(images))
    return lab_to_rgb(np.concatenate([lightness, np.moveaxis(ab, -1, 1)], axis=1))


def predict_mean(train, test, rng):
    """Return test images in the mean colour."""
    mean = rgb_to_lab(train)[:, 1:].mean(axis=(0, 2, 3))
    return paint(test, np.broadcast_to(mean, (len(test), *test.shape[2:], 2)))


def look_up(train, test, find_middle):
    """Return test images in the mean or median colour of every lightness."""
    bins, *ab = np.moveaxis(rgb_to_lab(train), 1, 0)
    bins, ab = np.rint(bins).astype(int), np.stack(ab, axis=-1)
    table = np.zeros((101, 2))
    for value in np.unique(bins):
        table[value] = find_middle(ab[bins == value], axis=0)
    lightness = find_lightness(find_grey(test))[:, 0]
    return paint(test, table[np.rint(lightness).astype(int)])


def find_neighbours(train, test, rng):
    """Return test images in the colours of pixels with similar ones around."""
    n_pixels = train[:, 0].size
    some = rng.choice(n_pixels, N_PATCHES, replace=False)
    patches = find_patches(find_lightness(find_grey(train)), 7)[some].astype(np.float32)
    ab = np.moveaxis(rgb_to_lab(train)[:, 1:], 1, -1).reshape(n_pixels, 2)[some]
    model = KNeighborsRegressor(5, algorithm="brute").fit(patches, ab)
    seen = find_patches(find_lightness(find_grey(test)), 7).astype(np.float32)
    return paint(test, model.predict(seen).reshape(len(test), *test.shape[2:], 2))


METHODS = {
    "grey": lambda train, test, rng: find_grey(test).repeat(3, axis=1),
    "mean a and b": predict_mean,
    "look-up, mean": lambda train, test, rng: look_up(train, test, np.mean),
    "look-up, median": lambda train, test, rng: look_up(train, test, np.median),
    "neighbours": find_neighbours,
}


def make(seed, max_iter, **parameters):
    """Return the colorizer; what differs from its defaults is said here."""
    defaults = {
        "augment": "flip",
        "weight_decay": 3.0,
        "n_iter_no_change": max(1, max_iter),
        "device": "cpu",
    }
    return ImageColorizer(**defaults | parameters, max_iter=max_iter, random_state=seed)


def find_n_epochs(train, seed, seconds, **parameters):
    """Return how many epochs fit into some seconds of CPU time."""
    times = []
    for n_epochs in 0, 1:
        start = time.process_time()
        make(seed, n_epochs, **parameters).fit(train)
        times.append(time.process_time() - start)
    return max(1, int((seconds - times[0]) / (times[1] - times[0])))


def print_row(name, seed, predicted, test, seconds, note=""):
    """Print a row of the table."""
    errors = np.square(predicted - test, dtype=np.float64).mean(axis=(1, 2, 3))
    has_colors = np.ptp(test, axis=1).max(axis=(1, 2)) > 0
    psnr = -10 * np.log10(errors[has_colors])
    result = f"{-10 * np.log10(errors.mean()):.2f} | {psnr.mean():.2f} ({psnr.min():.2f})"
    distance = ab_error(test, predicted)
    print(f"| {name} | {seed} | {result} | {distance:.2f} | {seconds:.0f} | {note} |", flush=True)


def measure(seed, seconds, name, train, test):
    """Print the row of a variant of the colorizer."""
    parameters = VARIANTS[name]
    max_iter = find_n_epochs(train, seed, seconds, **parameters)
    start = time.process_time()
    model = make(seed, max_iter, **parameters).fit(train)
    elapsed = time.process_time() - start
    epochs = f"epoch {model.best_iter_} of {model.n_iter_}"
    print_row(f"ImageColorizer, {name}", seed, model.predict(test), test, elapsed, epochs)


def compare(seed, seconds, with_others, variants):
    """Print the rows of one seed."""
    train, test = load()
    rng = np.random.default_rng(seed)
    for name, predict in METHODS.items() if with_others else ():
        start = time.process_time()
        predicted = predict(train, test, rng)
        print_row(name, seed, predicted, test, time.process_time() - start)
    start_only = make(seed, 0).fit(train)
    print_row("linear filter", seed, start_only.predict(test), test, 0)
    for name in variants:
        measure(seed, seconds, name, train, test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", choices=VARIANTS, nargs="*", default=["default"])
    parser.add_argument("--alone", action="store_true", help="without the other methods")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    columns = "method | seed | PSNR, all | PSNR, mean (worst) | ab | CPU s | kept"
    print(f"| {columns} |\n|{'---|' * 7}")
    for seed in arguments.seeds:
        compare(seed, arguments.seconds, not arguments.alone, arguments.variants)
