"""Which file the state of a fit is kept in."""

import os
from pathlib import Path
from typing import Any

import torch

from skae._version import __version__
from skae.engine import Checkpoint
from skae.fitting._digests import digest_of
from skae.fitting._recipe import Recipe
from skae.fitting._state import simplified
from skae.rows._problem import Problem

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
    estimator: Any, problem: Problem, recipe: Recipe, source: Any, seed: Any
) -> Checkpoint | None:
    """Return the checkpoint of a fit, if the estimator is to keep one.

    The name of its file is a hash of the data, the parameters, the recipe and the seed.

    Parameters
    ----------
    estimator : estimator
    problem : Problem
    recipe : Recipe
    source : estimator or None
        The fitted estimator to go on from.
    seed : object
        The state of the random numbers before the first was drawn.

    Raises
    ------
    ValueError
        If a second fit would not draw the same numbers, or if there is no such folder.
    """
    if estimator.checkpoint is None:
        return None
    if estimator.random_state is None:
        raise ValueError(
            "checkpoint needs random_state to be an int or a RandomState: a fit that goes on has "
            "to draw the numbers that the first one drew."
        )
    peers = problem.peers
    parameters = estimator.get_params(deep=False).items()
    compared = {name: value for name, value in parameters if name not in NOT_COMPARED}
    known = None if source is None else _describe_source(source)
    stream = problem.stream
    data = problem.rows.arrays if stream is None else stream.summary()
    content = [
        (__version__, torch.__version__, repr(recipe.architecture), compared),
        (*data, problem.labels, *recipe.compared, seed),
        simplified(known, estimator._known_classes()),
    ]
    digest = digest_of(peers.gather(digest_of(content)))
    name = f"{type(estimator).__name__}-{digest[:32]}.checkpoint"
    folder = Path(estimator.checkpoint)
    with peers.in_step():
        if peers.rank == 0:
            _check_folder(estimator.checkpoint)
    return Checkpoint(folder / name, estimator.checkpoint_every, peers)


def _check_folder(checkpoint: Any) -> None:
    folder = Path(checkpoint)
    if not os.fspath(checkpoint) or (folder.exists() and not folder.is_dir()):
        raise ValueError(
            f"The 'checkpoint' parameter must be a folder, or one that can be made. Got "
            f"{os.fspath(checkpoint)!r} instead."
        )
    folder.mkdir(parents=True, exist_ok=True)


def _describe_source(source: Any) -> tuple[Any, ...]:
    """Return what a fit takes from another one: weights, units and the link."""
    names = "_network", "_units", "_target_units", "_link"
    return tuple(getattr(source, name, None) for name in names)
