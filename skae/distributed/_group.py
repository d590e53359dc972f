"""The group of processes that a launcher such as torchrun has started."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from skae.distributed._meeting import meet

TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True)
class Place:
    """The place of a process among all processes of a group.

    Parameters
    ----------
    rank : int
        Number of the process, from 0 to ``n_processes - 1``.
    n_processes : int
        Number of processes.
    """

    rank: int
    n_processes: int


@contextmanager
def group(timeout: timedelta = TIMEOUT) -> Iterator[Place]:
    """Return a context in which all processes fit estimators together.

    In this context, ``fit`` trains one model. Every process calls it with the same parameters and
    with its own rows as X, an array or blocks. Afterwards, all processes have the same fitted
    estimator, which can be used without a group. Methods other than ``fit`` and ``partial_fit`` are
    not affected.

    The group is read from the environment variables that torchrun sets: `RANK`, `WORLD_SIZE`,
    `MASTER_ADDR` and `MASTER_PORT`. Without them, there is a single process, and the context has no
    effect. If there is a GPU for every process, it is the current device of CUDA in the context.

    Parameters
    ----------
    timeout : timedelta, default=30 minutes
        How long a process waits for another one, whose machine may have been lost. A process that
        fails or is ended is noticed at once.

    Yields
    ------
    place : Place
        Has `rank` and `n_processes`, from which a process can tell which rows are its own.

    Raises
    ------
    RuntimeError
        If torch.distributed has a group already, or if a process does not join in time.

    Examples
    --------
    This script can be started with ``torchrun --nproc-per-node 2 script.py``, or directly:

    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.distributed import group
    >>> X = load_digits().data
    >>> with group() as place:
    ...     mine = X[place.rank :: place.n_processes]
    ...     autoencoder = AutoencoderTransformer(8, max_iter=5, random_state=0).fit(mine)
    >>> autoencoder.transform(X).shape
    (1797, 8)
    """
    if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        yield Place(0, 1)
        return
    if dist.is_initialized():
        raise RuntimeError(
            "torch.distributed has a group already, and fits use it. Call fit without this context."
        )
    # gloo as well as nccl, for values that lie on the CPU
    has_gpus = _has_gpus()
    _start("cpu:gloo,cuda:nccl" if has_gpus else "gloo", timeout)
    try:
        with _own_gpu() if has_gpus else nullcontext():
            yield Place(dist.get_rank(), dist.get_world_size())
    finally:
        # the user may have ended the group inside
        if dist.is_initialized():
            dist.destroy_process_group()


def _start(backend: str, timeout: timedelta) -> None:
    """Create the group of torch.distributed, in a store without entries of earlier groups."""
    store, rank, n_processes = next(rendezvous("env://", timeout=timeout))
    store.set_timeout(timeout)
    dist.init_process_group(
        backend,
        store=meet(store, rank, n_processes, timeout),
        rank=rank,
        world_size=n_processes,
        timeout=timeout,
    )


def _has_gpus() -> bool:
    """Return whether every process on this machine can have its own GPU."""
    n_here = int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"]))
    return torch.cuda.is_available() and n_here <= torch.cuda.device_count()


def _own_gpu() -> AbstractContextManager[None]:
    """Return a context in which the GPU of this process is the current device of CUDA."""
    device: AbstractContextManager[None] = torch.cuda.device(
        int(os.environ.get("LOCAL_RANK", os.environ["RANK"]))
    )
    return device
