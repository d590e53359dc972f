"""Parameters of the estimators of images, resolved and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from torch import nn

from skae._scikit_learn import HasMethods, Interval, StrOptions
from skae.engine import BatchChange
from skae.fitting._parameters import TRAINING
from skae.fitting._recipe import Changes, Recipe, Start
from skae.image._flips_and_turns import FlipsAndTurns
from skae.image._pretrained import PretrainedArchitecture
from skae.networks import UNetArchitecture
from skae.objectives import Objective, Term
from skae.rows._problem import Problem
from skae.rows._random import torch_generator

MOVES = ("flip", "rotate")
SMALLEST_FOLDED = 32
"""Smallest size, in pixels, from which on ``fold="auto"`` is true."""
ENTRIES_PER_BATCH = 2**20
"""Entries of the widest maps in a batch; with more, fewer updates are made in the same time."""
IMAGES: dict[str, list[object]] = {
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
    """Return whether the first halving moves neighbours into channels; "auto" for large images."""
    if fold == "auto":
        return depth > 0 and min(spatial) >= SMALLEST_FOLDED
    if fold and depth == 0:
        raise ValueError("fold=True halves the sizes and needs depth to be at least 1. Got 0.")
    return bool(fold)


def check_filter_size(filter_size: int) -> int:
    """Return the size of a kernel, or raise ValueError if it is even and has no centre."""
    if filter_size % 2 == 0:
        raise ValueError(
            "The 'filter_size' parameter must be odd, so that the filter has a centre. Got "
            f"{filter_size} instead."
        )
    return int(filter_size)


def make_move(
    augment: str | Sequence[str] | None, random_state: np.random.RandomState
) -> BatchChange | None:
    """Return the change that moves X and y alike; without one, nothing is drawn."""
    if augment is None:
        return None
    names = [augment] if isinstance(augment, str) else list(augment)
    if not all(isinstance(name, str) and name in MOVES for name in names):
        raise ValueError(
            f"The 'augment' parameter must be None, or one or more of {MOVES}. Got "
            f"{augment!r} instead."
        )
    if not names:
        return None
    return FlipsAndTurns("flip" in names, "rotate" in names, torch_generator(random_state))


@dataclass(frozen=True)
class OneTerm:
    """Makes an objective of a single loss.

    Attributes
    ----------
    loss : Term
    """

    loss: Term

    def __call__(self, network: nn.Module, n_rows: int) -> Objective:
        """Return the loss."""
        return Objective({"loss": self.loss})


def image_recipe(
    problem: Problem,
    architecture: UNetArchitecture | PretrainedArchitecture,
    loss: Term,
    start: Start,
    move: BatchChange | None,
) -> Recipe:
    """Return the recipe of a network of images, without a corruption."""
    # problem.seen[0, 0] is one channel of one image, shape (height, width)
    width = architecture.entries_per_pixel * problem.seen[0, 0].size
    return Recipe(
        architecture=architecture,
        objective=OneTerm(loss),
        start=start,
        changes=Changes(move, None),
        width=width,
        batch_size=choose_batch_size(problem.n_train, width),
    )


def choose_batch_size(n_rows: int, width: int) -> int:
    """Return the number of images for ``batch_size="auto"``: 4 to 32, by their size.

    A batch has at most an eighth of the images; otherwise, an epoch with few images would be only
    one or two updates.
    """
    return min(32, max(4, ENTRIES_PER_BATCH // width), max(1, n_rows // 8))
