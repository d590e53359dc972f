"""Which file the state of a fit is kept in."""

import os
from pathlib import Path
from typing import Any

import joblib
import torch

from skae._version import __version__
from skae.engine import Checkpoint

NOT_COMPARED = {
    "checkpoint",
    "checkpoint_every",
    "latent_density",
    "random_state",
    "verbose",
    "warm_start",
}
"""Parameters that change nothing in a training, or whose content is compared instead of them."""


def make_checkpoint(
    estimator: Any, problem: Any, architecture: Any, source: Any, seed: Any
) -> Checkpoint | None:
    """Return the checkpoint of a fit, if the estimator is to keep one.

    Parameters
    ----------
    estimator : estimator
    problem : Problem
    architecture : Architecture
    source : estimator or None
        The fitted one to go on from.
    seed : object
        The state of its random numbers before the first was drawn.

    Raises
    ------
    ValueError
        If a second fit would not draw the same numbers.
    """
    if estimator.checkpoint is None:
        return None
    if estimator.random_state is None:
        raise ValueError(
            "checkpoint needs random_state to be an int: a fit that goes on has to draw the "
            "numbers that the first one drew."
        )
    parameters = estimator.get_params(deep=False).items()
    compared = {name: value for name, value in parameters if name not in NOT_COMPARED}
    known = None if source is None else source.__getstate__()
    data = problem.X, problem.classes, seed, known
    versions = __version__, torch.__version__
    key = joblib.hash([versions, repr(architecture), compared, data])
    name = f"{type(estimator).__name__}-{key}.checkpoint"
    return Checkpoint(Path(os.fspath(estimator.checkpoint)) / name, estimator.checkpoint_every)
