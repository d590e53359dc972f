"""Masks: arrays with a label for every pixel."""

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from skae.blocks import Blocks, is_empty
from skae.objectives import IGNORED
from skae.rows._classes import find_classes, list_classes
from skae.rows._validation import detached, reading


def read_labels(y: object, estimator: object) -> NDArray:
    """Return labels as an array of any number of dimensions.

    Raises
    ------
    ValueError
        If there are no labels, or if some are numbers with a fraction.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None. Pass "
            "a label for every pixel of X: an array of shape (n, height, width)."
        )
    with reading("y"):
        labels: NDArray = check_array(
            detached(y),
            dtype=None,
            allow_nd=True,
            ensure_2d=False,
            estimator=estimator,
            input_name="y",
        )
    # whole numbers may come as floats, for example from a dataframe
    if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
        raise ValueError(
            "Unknown label type: y has numbers with a fraction. Labels are whole numbers or "
            "strings: round y, or make a mask of it, such as y > 0.5."
        )
    return labels


def find_label_names(y: NDArray, ignored: object) -> NDArray:
    """Return the different labels of y, sorted, without the ignored one."""
    names = list_classes(y)
    return names[names != ignored] if ignored is not None else names


def collect_label_names(y: Blocks, estimator: object, ignored: object) -> NDArray:
    """Return the different labels of all blocks, sorted, without the ignored one."""
    found = []
    for number, block in y.read():
        # a y of None has an error of its own
        if block is None or not is_empty(block):
            with y.naming(number):
                found.append(list_classes(read_labels(block, estimator)))
    labels = np.concatenate(found) if found else np.empty(0, np.intp)
    return find_label_names(labels, ignored)


def check_label_names(names: NDArray) -> None:
    """Raise ValueError if there are fewer than two labels."""
    if len(names) < 2:
        raise ValueError(
            f"y must have at least two different labels to tell apart. Got {names.tolist()}."
        )


def find_places(names: NDArray, y: NDArray, ignored: object) -> NDArray[np.int32]:
    """Return the place of every label among `names`, or `IGNORED`; the shape is that of y.

    Raises
    ------
    ValueError
        If a label is not among `names`.
    """
    # masks have many pixels and few labels: each label is looked up once
    found, inverse = np.unique(y, return_inverse=True)
    is_known = np.ones(len(found), dtype=bool) if ignored is None else found != ignored
    places = np.full(len(found), IGNORED, dtype=np.int32)
    places[is_known] = find_classes(names, found[is_known])
    # some versions of numpy flatten `inverse`
    return places[inverse].reshape(y.shape)
