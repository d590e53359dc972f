"""Parameters of the estimators of images, resolved and checked."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from skae._scikit_learn import HasMethods, Interval, StrOptions
from skae.engine import BatchChange
from skae.estimators._bridge import torch_generator
from skae.fitting._parameters import TRAINING
from skae.image._flips_and_turns import FlipsAndTurns

MOVES = ("flip", "rotate")
SMALLEST_FOLDED = 32
"""Pixels along an axis."""
IMAGES: dict[str, list[Any]] = {
    **TRAINING,
    "base_channels": [Interval(Integral, 1, None, closed="left")],
    "depth": [Interval(Integral, 0, None, closed="left")],
    "fold": [StrOptions({"auto"}), "boolean"],
    "filter_size": [Interval(Integral, 1, None, closed="left")],
    "patch_size": [Interval(Integral, 1, None, closed="left"), None],
    "augment": [StrOptions(set(MOVES)), "array-like", None],
    "image_shape": ["array-like", None],
    "channels": [StrOptions({"first", "last"})],
    "warm_start": ["boolean", HasMethods(["fit", "predict"])],
}
"""Constraints on the parameters that the estimators of images share."""


def find_fold(fold: str | bool, depth: int, spatial: Sequence[int]) -> bool:
    """Return whether the first halving puts neighbours into channels; "auto": in large images."""
    if fold == "auto":
        return depth > 0 and min(spatial) >= SMALLEST_FOLDED
    if fold and depth == 0:
        raise ValueError("fold=True halves the sizes and needs depth to be at least 1. Got 0.")
    return bool(fold)


def check_filter_size(filter_size: int) -> int:
    """Return the size of a kernel, if it has a centre."""
    if filter_size % 2 == 0:
        raise ValueError(
            "The 'filter_size' parameter must be odd, so that the filter has a centre. Got "
            f"{filter_size} instead."
        )
    return int(filter_size)


def make_moves(augment: Any, random_state: np.random.RandomState) -> list[BatchChange]:
    """Return what moves X and y alike; a generator is seeded only if something does."""
    if augment is None:
        return []
    names = [augment] if isinstance(augment, str) else list(augment)
    if not all(isinstance(name, str) and name in MOVES for name in names):
        raise ValueError(
            f"The 'augment' parameter must be None, or one or more of {MOVES}. Got "
            f"{augment!r} instead."
        )
    if not names:
        return []
    return [FlipsAndTurns("flip" in names, "rotate" in names, torch_generator(random_state))]
