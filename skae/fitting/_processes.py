"""Fits by many processes: equal parameters and networks, different random numbers."""

import torch
from torch import nn

from skae.engine import Loader, Peers, count_peers
from skae.fitting._checkpoints import NOT_COMPARED
from skae.fitting._digests import digest_of
from skae.fitting._protocols import Estimator, FittedEstimator


def check_alone(estimator: object) -> None:
    """Raise ValueError if there are many processes, for a fit that only one can do."""
    n_peers = count_peers()
    if n_peers > 1:
        raise ValueError(
            f"{type(estimator).__name__} is fitted by one process, but torch.distributed has "
            f"{n_peers}. Fit it outside of their group: before it is made, or after "
            "torch.distributed.destroy_process_group()."
        )


def describe_past(source: FittedEstimator | None, peers: Peers) -> str | None:
    """Return a digest of the estimator that all processes go on from; None if they start anew."""
    if source is None or peers.is_alone:
        return None
    location, scale = source._units
    weights = list(source._network.module.state_dict().values())
    return digest_of([scale, location, weights, getattr(source, "_link", None)])


def check_joint(estimator: Estimator, peers: Peers, past: object = None) -> None:
    """Raise ValueError if parameters ask for a fit that processes cannot do together.

    Parameters
    ----------
    estimator : estimator
    peers : Peers
    past : object, default=None
        A description of earlier calls, if the fit goes on from them.

    Raises
    ------
    ValueError
        On all processes, also if they have different parameters.
    """
    if peers.is_alone:
        return
    parameters = estimator.get_params(deep=False)
    compared = {n: value for n, value in parameters.items() if n not in NOT_COMPARED}
    compared["earlier fits"] = past
    # one process writes the file while all others wait: all must know when
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


@torch.no_grad()
def share_network(module: nn.Module | None, peers: Peers) -> None:
    """Copy the first process's network to all others: machines may round differently."""
    if module is not None and not peers.is_alone:
        for tensor in module.state_dict().values():
            peers.broadcast_(tensor)


def set_apart(train: Loader, peers: Peers) -> None:
    """Seed the loader's generators differently in each process."""
    if peers.rank > 0:
        for generator in train.generators:
            generator.manual_seed(generator.initial_seed() + peers.rank)
