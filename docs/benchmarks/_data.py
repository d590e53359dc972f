"""The data of the benchmarks: what scikit-learn ships, and files in the folder SKAE_DATA."""

import os
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SHIPPED = ("breast_cancer", "wine", "digits", "diabetes", "iris")
TABLES = (
    "ad_cardio",
    "ad_cardiotocography",
    "ad_ionosphere",
    "ad_optdigits",
    "ad_pendigits",
    "ad_satellite",
    "ad_satimage2",
    "ad_shuttle",
    "ad_thyroid",
    "ad_wdbc",
    "isolet1560",
)
IMAGES = (
    "digits",
    "olivetti_faces",
    "coil20",
    "omniglot_small",
    "animal_mnist",
    "mpeg7_shapes",
    "pneumoniamnist_balanced",
)
FLOOR = (*SHIPPED[:4], *TABLES, "olivetti_faces")
"""The sets of the floor."""
OTHERS = (
    "iris",
    "adult",
    "pbmc68k_reduced",
    "lung_small_genes",
    "nir_tecator",
    "ts_gunpoint",
    "ts_italypowerdemand",
    *IMAGES[2:],
)
"""Sets that the rule by which an epoch is kept was chosen on, but no other default."""
UNTOUCHED = (
    "mixed_mpg",
    "mixed_penguins",
    "nci60_genes",
    "ts_basicmotions",
    "ir_fermentation",
    "text_basehock",
)
"""Sets that nothing was chosen on."""


def load(name, seed=0, standardize=True):
    """Return training and test rows: a file's own split, else 75 % to 25 % drawn by `seed`.

    Tables are standardised by their training rows unless `standardize` is false; images are
    left as they are. Rows with missing values are left out.
    """
    if name in SHIPPED:
        X = getattr(datasets, f"load_{name}")().data
        train, test = train_test_split(X, test_size=0.25, random_state=seed)
    else:
        file = np.load(Path(os.environ["SKAE_DATA"]) / f"{name}.npz")
        if "X_train" in file:
            train, test = (file[key].astype(float) for key in ("X_train", "X_test"))
        else:
            X = file["X"].astype(float)
            train, test = train_test_split(X, test_size=0.25, random_state=seed)
    train, test = (X.reshape(len(X), -1) for X in (train, test))
    train, test = (X[np.isfinite(X).all(axis=1)] for X in (train, test))
    if standardize and name not in IMAGES:
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
    return train, test


def labels(name):
    """Return rows and their classes, at most 6,000 of the training rows of a file."""
    if name in SHIPPED:
        return getattr(datasets, f"load_{name}")(return_X_y=True)
    file = np.load(Path(os.environ["SKAE_DATA"]) / f"{name}.npz")
    X, y = (file[key][:6000] for key in ("X_train", "y_train"))
    return X.reshape(len(X), -1).astype(float), y
