"""The file in which the state of a fit is kept."""

import os
from pathlib import Path

import torch

from skae._version import __version__
from skae.engine import Checkpoint
from skae.fitting._digests import digest_of
from skae.fitting._protocols import Estimator, FittedEstimator
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
"""Parameters that do not change a training, or that are compared by their effect: the numbers that
`random_state` draws, and the weights of a warm start."""


def make_checkpoint(
    estimator: Estimator,
    problem: Problem,
    recipe: Recipe,
    source: FittedEstimator | None,
    seed: object,
) -> Checkpoint | None:
    """Return the checkpoint of a fit, or None if the estimator keeps none.

    The name of the file is a hash of the data, the parameters, the recipe and the seed, so that a
    fit never goes on from the state of another one.

    Parameters
    ----------
    estimator : estimator
    problem : Problem
    recipe : Recipe
    source : estimator or None
        The fitted estimator to go on from.
    seed : object
        The state of the random numbers before the first one was drawn.

    Raises
    ------
    ValueError
        If `random_state` is None, as a second fit would draw other numbers, or if the folder can
        not be made.
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
        (*data, problem.labels, recipe.objective, *recipe.compared, seed),
        simplified(known, estimator._known_classes()),
    ]
    # each process has rows of its own: the name depends on all of them
    digest = digest_of(peers.gather(digest_of(content)))
    name = f"{type(estimator).__name__}-{digest[:32]}.checkpoint"
    folder = Path(estimator.checkpoint)
    with peers.in_step():
        if peers.rank == 0:
            _check_folder(estimator.checkpoint)
    return Checkpoint(folder / name, estimator.checkpoint_every, peers)


def _check_folder(checkpoint: str | os.PathLike[str]) -> None:
    folder = Path(checkpoint)
    # Path("") would be the working directory
    if not os.fspath(checkpoint) or (folder.exists() and not folder.is_dir()):
        raise ValueError(
            f"The 'checkpoint' parameter must be a folder, or one that can be made. Got "
            f"{os.fspath(checkpoint)!r} instead."
        )
    folder.mkdir(parents=True, exist_ok=True)


def _describe_source(source: FittedEstimator) -> tuple[object, ...]:
    """Return the weights, units and link that a fit takes over from a fitted estimator."""
    names = "_network", "_units", "_target_units", "_link"
    return tuple(getattr(source, name, None) for name in names)
