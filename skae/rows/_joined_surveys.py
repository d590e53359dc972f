"""What processes know of their shards, made what all of them know of all rows."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skae.blocks import Moments
from skae.engine import Loader, Peers, count_peers
from skae.fitting._checkpoints import NOT_COMPARED
from skae.rows._classes import find_classes, list_classes
from skae.fitting._digests import digest_of
from skae.rows._problem import Classes
from skae.rows._survey import Survey
from skae.rows._units import Units


def check_alone(estimator: Any) -> None:
    """Raise ValueError if a fit that only one process can do is called by many."""
    n_peers = count_peers()
    if n_peers > 1:
        raise ValueError(
            f"{type(estimator).__name__} is fitted by one process, but torch.distributed has "
            f"{n_peers}. Fit it outside of their group: before it is made, or after "
            "torch.distributed.destroy_process_group()."
        )


def find_past(source: Any, peers: Peers) -> str | None:
    """Return what tells a fitted estimator that all go on from; None if they begin, or one does."""
    if source is None or peers.is_alone:
        return None
    location, scale = source._units
    weights = list(source._network.module.state_dict().values())
    return digest_of([scale, location, weights, source._link])


def check_joint(estimator: Any, peers: Peers, past: Any = None) -> None:
    """Raise ValueError if parameters ask for what processes cannot do together.

    Parameters
    ----------
    estimator : estimator
    peers : Peers
    past : object, default=None
        What is known of earlier calls, if it goes on from them.

    Raises
    ------
    ValueError
        On all of them, also if they have different parameters.
    """
    if peers.is_alone:
        return
    parameters = estimator.get_params(deep=False)
    compared = {n: value for n, value in parameters.items() if n not in NOT_COMPARED}
    compared["earlier fits"] = past
    # one process has the file, but all stop to have it written
    compared["a checkpoint"] = parameters["checkpoint"] is not None
    compared["checkpoint_every"] = parameters["checkpoint_every"]
    described = {name: (digest_of(value), repr(value)) for name, value in compared.items()}
    with peers.in_step():
        if parameters.get("solver") == "lbfgs":
            raise ValueError(
                f"solver='lbfgs' is for fits by one process, but torch.distributed has "
                f"{peers.n_peers}. Leave 'solver' at its default."
            )
    for rank, others in enumerate(peers.gather(described)):
        for name, (digest, value) in others.items():
            own_digest, own = described.get(name, ("", "no such parameter"))
            if digest != own_digest:
                hint = " These differ in what is not shown." if value == own else ""
                raise ValueError(
                    f"All processes need the same parameters, but process {rank} has "
                    f"{name}={value}, and process {peers.rank} has {name}={own}.{hint}"
                )


def join_surveys(survey: Survey, features: Any, peers: Peers, seed: int) -> Survey:
    """Return what all processes know together, the same for each but for its own number of rows.

    Parameters
    ----------
    survey : Survey
        Of one's own rows.
    features : object
        What is known of their features.
    peers : Peers
    seed : int
        The same for all; draws the order of the sample.

    Raises
    ------
    ValueError
        On all of them, if they have different features.
    """
    if peers.is_alone:
        return survey
    check_same_rows(features, peers)
    base = peers.share(survey.base)
    of_train, of_all = (_join_moments(m, survey.base, base, peers) for m in survey.moments)
    X, told, train, valid = _join_samples(survey, peers, seed)
    ranges = peers.gather((survey.low, survey.high))
    return survey._replace(
        X=X,
        told=told,
        train=train,
        valid=valid,
        moments=(of_train, of_all),
        base=base,
        link=peers.share(survey.link),
        low=np.min([low for low, _ in ranges], axis=0),
        high=np.max([high for _, high in ranges], axis=0),
    )


def check_same_rows(features: Any, peers: Peers) -> None:
    """Raise ValueError on all processes, if they have different features."""
    for rank, other in enumerate(peers.gather(features)):
        if other != features:
            raise ValueError(
                f"All processes need rows with the same features, but process {rank} has {other}, "
                f"and process {peers.rank} has {features}."
            )


def _join_moments(moments: Moments, own: Units, base: Units, peers: Peers) -> Moments:
    """Return the moments of all rows (Chan, Golub and LeVeque 1983, for many samples at once)."""
    moments = moments.entered((base.location - own.location) / own.scale, base.scale / own.scale)
    parts = peers.gather((moments.n_rows, moments.mean))
    n_rows = sum(n for n, _ in parts)
    mean = sum(n * part for n, part in parts) / max(1, n_rows)
    shift = moments.mean - mean
    is_matrix = moments.scatter.ndim == 2
    between = moments.n_rows * (np.outer(shift, shift) if is_matrix else shift**2)
    scatter = torch.from_numpy(moments.scatter + between)
    peers.add_(scatter)
    return Moments(n_rows, mean, scatter.numpy())


def join_classes(classes: Classes | None, peers: Peers) -> Classes | None:
    """Return the classes of all, and the indicators of one's own rows.

    Raises
    ------
    ValueError
        If some have numbers, and others strings.
    """
    if classes is None or peers.is_alone:
        return classes
    parts = peers.gather(classes.names)
    # as objects first: numpy would make strings of numbers
    list_classes(np.concatenate([part.astype(object) for part in parts]))
    names = list_classes(np.concatenate(parts))
    indicators = np.zeros((len(classes.values), len(names)))
    indicators[:, find_classes(names, classes.names)] = classes.values
    return Classes(names, indicators)


def _join_samples(
    survey: Survey, peers: Peers, seed: int
) -> tuple[NDArray, NDArray | None, NDArray[np.intp], NDArray[np.intp]]:
    """Return sampled rows of all, as many of each process as it has a share of the rows."""
    of_train, of_all = survey.moments
    counts = np.array([of_train.n_rows, of_all.n_rows - of_train.n_rows])
    kinds = survey.train, survey.valid
    totals = np.sum(peers.gather(counts), axis=0)
    limits = np.min(peers.gather(survey.limits), axis=0)
    quotas = [
        int(n if total <= limit else n * limit // total)
        for n, total, limit in zip(counts, totals, limits, strict=True)
    ]
    train, valid = (kind[:quota] for kind, quota in zip(kinds, quotas, strict=True))
    rng = np.random.default_rng(seed)
    n_train, n_valid = np.sum(peers.gather((len(train), len(valid))), axis=0)
    order = rng.permutation(n_train), n_train + rng.permutation(n_valid)
    X = _join_rows(survey.X, train, valid, peers)
    told = None if survey.told is None else _join_rows(survey.told, train, valid, peers)
    return X, told, *order


def _join_rows(X: NDArray, train: NDArray, valid: NDArray, peers: Peers) -> NDArray:
    """Return rows of all, those to learn from first."""
    parts = peers.gather((X[train], X[valid]))
    return np.concatenate([part[0] for part in parts] + [part[1] for part in parts])


@torch.no_grad()
def share_network(module: nn.Module | None, peers: Peers) -> None:
    """Have all start with the same numbers: machines may round differently."""
    if module is not None and not peers.is_alone:
        for tensor in module.state_dict().values():
            peers.share_(tensor)


def set_apart(train: Loader, peers: Peers) -> None:
    """Have processes draw different numbers for their rows."""
    if peers.rank > 0:
        for generator in train.generators:
            generator.manual_seed(generator.initial_seed() + peers.rank)
