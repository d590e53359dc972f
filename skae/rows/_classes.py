"""Labels, and their places in a sorted list of classes."""

import numpy as np
from numpy.typing import NDArray

from skae.engine import Peers


def list_classes(y: NDArray) -> NDArray:
    """Return the different labels, sorted.

    Raises
    ------
    ValueError
        If the labels cannot be sorted, for example numbers beside strings.
    """
    try:
        return np.unique(y)
    except TypeError as error:
        raise ValueError("y must hold labels of one kind: all numbers, or all strings.") from error


def find_classes(names: NDArray, y: NDArray) -> NDArray[np.intp]:
    """Return the place of every label among the classes.

    Labels are compared as Python objects: numpy would take the number 10 for the string "10".

    Parameters
    ----------
    names : array of shape (n_classes,)
    y : array of shape (n_samples,)

    Raises
    ------
    ValueError
        If a label is not among the classes.
    """
    places: dict[object, int] = {name: place for place, name in enumerate(names.tolist())}
    labels = y.tolist()
    # by their descriptions: labels of several kinds cannot be sorted
    unknown = sorted({repr(label) for label in labels if label not in places})
    if unknown:
        raise ValueError(
            f"y has classes that were not seen in fit: {', '.join(unknown[:5])}. Those seen are "
            f"{names[:5].tolist()}{'...' if len(names) > 5 else ''}."
        )
    return np.array([places[label] for label in labels], dtype=np.intp)


def join_classes(names: NDArray, peers: Peers) -> NDArray:
    """Return the classes of all processes, sorted.

    Raises
    ------
    ValueError
        If some processes have numbers, and others strings.
    """
    if peers.is_alone:
        return names
    parts = peers.gather(names)
    # an array without labels has no dtype to speak of
    parts = [part for part in parts if len(part)] or parts[:1]
    # checked as objects first: numpy would turn numbers beside strings into strings
    list_classes(np.concatenate([part.astype(object) for part in parts]))
    return list_classes(np.concatenate(parts))
