"""Codes of shapes as features: DiffeomorphicAutoencoder beside PCA of equal width, and pixels.

    SKAE_DATA=folder python docs/benchmarks/shape_codes.py [--sets mpeg7_shapes animal_mnist]
        [--seeds 0 1 2] [--tune]

Silhouettes are reduced, standardised and told apart by a logistic regression, whose C is chosen on
a quarter of the training images. Of mpeg7_shapes all 1,050 training images are used, averaged over
blocks of 2 x 2 pixels; of animal_mnist 3,000, drawn by the seed. The autoencoder knows no classes:
one atlas serves all of them. `--tune` measures on a fifth of the training images instead of the
test images; parameters were chosen so. Columns:

- features: "shape" is the code without the pose, "shape and pose" is all of it; "no affine map" is
  a fit of its own
- width: number of features
- accuracy: on the test images
- lost: share of the variance of the test images that reconstructions lose
- CPU s: of the fit of the reducer

One thread. Prints a Markdown table.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae.registration import DiffeomorphicAutoencoder

N_TRAIN = 3000
N_COMPONENTS = 32
N_POSE = 6
PARAMETERS = {
    "mpeg7_shapes": {"regularization": 0.02, "max_iter": 60},
    "animal_mnist": {"regularization": 0.0002, "control_spacing": 3, "max_iter": 20},
}
"""What was chosen on training images; the epochs are what time allowed."""
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)


def load(name, seed, is_tuning):
    """Return images from 0 to 1 and classes, to learn from and to test with."""
    file = np.load(Path(os.environ["SKAE_DATA"]) / f"{name}.npz")
    X, X_test = (halve(file[key].astype(np.float32) / 255) for key in ("X_train", "X_test"))
    y, y_test = file["y_train"], file["y_test"]
    if is_tuning:
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
    if len(X) > N_TRAIN:
        X, _, y, _ = train_test_split(X, y, train_size=N_TRAIN, stratify=y, random_state=seed)
    return X, X_test, y, y_test


def halve(X):
    """Return images of at most 32 x 32 pixels."""
    n, size, _ = X.shape
    return X if size <= 32 else X.reshape(n, size // 2, 2, size // 2, 2).mean(axis=(2, 4))


def find_accuracy(codes, codes_test, y, y_test):
    """Return the accuracy of a logistic regression."""
    grid = {"logisticregression__C": STRENGTHS}
    split = StratifiedShuffleSplit(1, test_size=0.25, random_state=0)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return GridSearchCV(classifier, grid, cv=split).fit(codes, y).score(codes_test, y_test)


def find_loss(reducer, X):
    """Return the share of the variance that reconstructions lose."""
    errors = X - reducer.inverse_transform(reducer.transform(X)).reshape(X.shape)
    return np.square(errors).sum() / np.square(X - X.mean(axis=0)).sum()


def fit(reducer, X):
    """Return a fitted reducer, and the seconds of CPU it took."""
    start = time.process_time()
    return reducer.fit(X), time.process_time() - start


def compare(name, seed, arguments):
    """Print the rows of a set and a seed."""
    X, X_test, *classes = load(name, seed, arguments.tune)
    rows, rows_test = (images.reshape(len(images), -1) for images in (X, X_test))

    def show(features, codes, codes_test, lost="", seconds="", epochs=""):
        accuracy = find_accuracy(codes, codes_test, *classes)
        cells = name, features, codes.shape[1], seed, f"{accuracy:.3f}", lost, seconds, epochs
        print("|", " | ".join(map(str, cells)), "|", flush=True)

    parameters = {**PARAMETERS[name], "random_state": seed}
    for affine in True, False:
        model = DiffeomorphicAutoencoder(N_COMPONENTS, affine=affine, device="cpu", **parameters)
        model, seconds = fit(model, X)
        codes, codes_test = model.transform(X), model.transform(X_test)
        of_fit = (
            f"{find_loss(model, X_test):.3f}",
            f"{seconds:.0f}",
            f"{model.best_iter_} of {model.n_iter_}",
        )
        if affine:
            k = N_COMPONENTS
            show("shape and pose", codes, codes_test, *of_fit)
            show("shape", codes[:, :k], codes_test[:, :k], *of_fit)
        else:
            show("no affine map", codes, codes_test, *of_fit)
    for width in N_COMPONENTS, N_COMPONENTS + N_POSE:
        pca, seconds = fit(PCA(width, random_state=seed), rows)
        lost = f"{find_loss(pca, rows_test):.3f}"
        show("PCA", pca.transform(rows), pca.transform(rows_test), lost, f"{seconds:.0f}")
    show("pixels", rows, rows_test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", choices=PARAMETERS, nargs="+", default=list(PARAMETERS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tune", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| set | features | width | seed | accuracy | lost | CPU s | epochs |")
    print("|" + "---|" * 8)
    for name in arguments.sets:
        for seed in arguments.seeds:
            compare(name, seed, arguments)
