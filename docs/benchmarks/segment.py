"""Segmentation: ImageSegmenter beside a random forest of pixels, and what pre-training brings.

    SKAE_DATA=folder python docs/benchmarks/segment.py [--seconds 150] [--seeds 0 1 2]
        [--sets letter_b nuclei drive pretraining]

Mean Dice coefficient of the foreground over the test images, and in parentheses the worst image's.

letter_b: letters with clutter; nuclei: nuclei_dsb2018, all nuclei as one class; drive:
drive_vessels, inside the field of view, which is told by `ignore_index`; all with their own
training and test images. Nuclei come dark on bright and bright on dark, in images of all exposures:
both methods see every image as it is, and with its mean and contrast made equal. The forest, 50
trees, sees scikit-image's features (intensity, edges and texture, sigma 0.5 to 16) of 100,000
pixels. Otsu's threshold is that of the image after a Gaussian of 1 pixel. The segmenter's epochs
are as many as fit into the seconds of CPU time, by the time of one.

pretraining: letter_b again, a seed draws 10, 30 or 100 labelled images, and 1,000 unlabelled ones
are seen by a ConvAutoencoder; both segmenters have the default parameters.

One thread. Prints Markdown tables. Needs scikit-image 0.26 or later.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage.feature import multiscale_basic_features
from skimage.filters import threshold_otsu
from sklearn.ensemble import RandomForestClassifier

from skae import ConvAutoencoder
from skae.image import ImageSegmenter
from skae.metrics import dice

OUTSIDE = 255
N_PIXELS = 100_000
PARAMETERS = {
    "letter_b": {},
    "nuclei": {"augment": ["flip", "rotate"], "depth": 3, "channels": "last"},
    "drive": {"augment": ["flip", "rotate"], "patch_size": 64, "channels": "last"},
}
AUTOENCODER = {
    "n_components": 8,
    "loss": "absolute_error",
    "augment": "shift",
    "max_shift": 4,
    "max_iter": 60,
    "image_shape": (1, 64, 64),
}


def load(name):
    """Return images and masks to train on, and those to test with."""
    folder = Path(os.environ["SKAE_DATA"])
    if name == "letter_b":
        file = np.load(folder / "letter_b.npz")
        keys = [
            f"{kind}_{part}" for part in ("train_corrupt", "test_corrupt") for kind in ("X", "mask")
        ]
        X, y, X_test, y_test = (file[key] for key in keys)
        y, y_test = (masks > 127 for masks in (y, y_test))
    elif name == "nuclei":
        file = np.load(folder / "nuclei_dsb2018.npz")
        X, y, X_test, y_test = (
            file[key] for key in ("X_train", "mask_train", "X_test", "mask_test")
        )
        y, y_test = y > 0, y_test > 0
    else:
        file = np.load(folder / "drive_vessels.npz")
        X, X_test = file["X_train"], file["X_test"]
        y, y_test = (
            np.where(file[f"fov_{part}"] > 0, file[f"mask_{part}"] > 0, OUTSIDE)
            for part in ("train", "test")
        )
    X, X_test = (images.astype(np.float32) / 255 for images in (X, X_test))
    if name == "nuclei":
        X, X_test = map(add_standardized, (X, X_test))
    return X, y.astype(int), X_test, y_test.astype(int)


def add_standardized(X):
    """Return grey images with a second channel, which has the same mean and contrast in all."""
    deviations = X - X.mean(axis=(1, 2), keepdims=True)
    return np.stack([X, deviations / (X.std(axis=(1, 2), keepdims=True) + 1e-3)], axis=-1)


def find_dice(true, predicted):
    """Return the coefficient of every image."""
    return np.array(
        [dice([a], [b], ignore_index=OUTSIDE) for a, b in zip(true, predicted, strict=True)]
    )


def find_features(image):
    """Return scikit-image's features of every pixel."""
    axis = -1 if image.ndim == 3 else None
    return multiscale_basic_features(image, channel_axis=axis, sigma_min=0.5, sigma_max=16)


def predict_by_forest(X, y, X_test, seed):
    """Return what a random forest of pixels says."""
    rng = np.random.default_rng(seed)
    n_each = N_PIXELS // len(X)
    seen, labels = [], []
    for image, mask in zip(X, y, strict=True):
        rows = rng.choice(np.flatnonzero(mask != OUTSIDE), n_each, replace=False)
        seen.append(find_features(image).reshape(mask.size, -1)[rows])
        labels.append(mask.ravel()[rows])
    forest = RandomForestClassifier(n_estimators=50, random_state=seed, n_jobs=1)
    forest.fit(np.concatenate(seen), np.concatenate(labels))
    shape = X_test.shape[1:3]
    return np.stack(
        [
            forest.predict(find_features(image).reshape(shape[0] * shape[1], -1)).reshape(shape)
            for image in X_test
        ]
    )


def predict_by_otsu(X_test):
    """Return what lies above Otsu's threshold of every smoothed image."""
    X_test = X_test if X_test.ndim == 3 else X_test[..., 0]
    smooth = [gaussian_filter(image, 1) for image in X_test]
    return np.stack([image > threshold_otsu(image) for image in smooth]).astype(int)


def make(name, seed, max_iter):
    """Return the segmenter; what differs from its defaults is said in `PARAMETERS`."""
    ignored = OUTSIDE if name == "drive" else None
    return ImageSegmenter(
        ignore_index=ignored,
        max_iter=max_iter,
        n_iter_no_change=max(1, max_iter),
        device="cpu",
        random_state=seed,
        **PARAMETERS[name],
    )


def find_n_epochs(name, X, y, seed, seconds):
    """Return how many epochs fit into some seconds of CPU time."""
    times = []
    for n_epochs in 0, 1:
        start = time.process_time()
        make(name, seed, n_epochs).fit(X, y)
        times.append(time.process_time() - start)
    return max(1, int((seconds - times[0]) / (times[1] - times[0])))


def print_row(*cells):
    """Print a row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def describe(values):
    """Return mean and worst."""
    return f"{values.mean():.3f} ({values.min():.3f})"


def compare(name, seeds, seconds):
    """Print the rows of a set of images."""
    X, y, X_test, y_test = load(name)
    if name != "drive":
        print_row(name, "Otsu", "", describe(find_dice(y_test, predict_by_otsu(X_test))), 0, "")
    for seed in seeds:
        start = time.process_time()
        predicted = predict_by_forest(X, y, X_test, seed)
        elapsed = f"{time.process_time() - start:.0f}"
        print_row(name, "random forest", seed, describe(find_dice(y_test, predicted)), elapsed, "")
        for label, n_epochs in (
            ("logistic regression", 0),
            ("ImageSegmenter", find_n_epochs(name, X, y, seed, seconds)),
        ):
            start = time.process_time()
            model = make(name, seed, n_epochs).fit(X, y)
            elapsed = f"{time.process_time() - start:.0f}"
            found = describe(find_dice(y_test, model.predict(X_test)))
            epochs = f"epoch {model.best_iter_} of {model.n_iter_}"
            print_row(name, label, seed, found, elapsed, epochs)


def pretrain(seeds):
    """Print what an autoencoder of unlabelled images brings where few are labelled."""
    X, y, X_test, y_test = load("letter_b")
    for seed in seeds:
        start = time.process_time()
        autoencoder = ConvAutoencoder(**AUTOENCODER, device="cpu", random_state=seed)
        autoencoder.fit(X)
        print_row("autoencoder", seed, "", "", "", f"{time.process_time() - start:.0f}")
        for n_labelled in 10, 30, 100:
            rows = np.random.default_rng(seed).choice(len(X), n_labelled, replace=False)
            scores = []
            start = time.process_time()
            for encoder in None, autoencoder:
                model = ImageSegmenter(encoder=encoder, device="cpu", random_state=seed)
                predicted = model.fit(X[rows], y[rows]).predict(X_test)
                scores.append(find_dice(y_test, predicted))
            gain = f"{scores[1].mean() - scores[0].mean():+.3f}"
            elapsed = f"{time.process_time() - start:.0f}"
            print_row(n_labelled, seed, *map(describe, scores), gain, elapsed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", default=[*PARAMETERS, "pretraining"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = [name for name in arguments.sets if name in PARAMETERS]
    if names:
        print("| set | method | seed | Dice, mean (worst) | CPU s | kept |")
        print("|---|---|---|---|---|---|")
    for name in names:
        compare(name, arguments.seeds, arguments.seconds)
    if "pretraining" in arguments.sets:
        print("\n| labelled | seed | random start | pre-trained | gain | CPU s |")
        print("|---|---|---|---|---|---|")
        pretrain(arguments.seeds)
