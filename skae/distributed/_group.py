"""The processes that a launcher has started, as torch's own torchrun does."""

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
    """Which of the processes one is.

    Parameters
    ----------
    rank : int
        From 0 on.
    n_processes : int
        How many there are.
    """

    rank: int
    n_processes: int


@contextmanager
def group(timeout: timedelta = TIMEOUT) -> Iterator[Place]:
    """Have fits done by all processes together, if there are many.

    Inside, ``fit`` trains one model: each process calls it with the same parameters, and with rows
    of its own as X, which are an array or blocks. All have the same fitted estimator in the end,
    which is a plain one. Other methods than ``fit`` and ``partial_fit`` work as always.

    Processes are those that the variables of the environment tell of which torchrun sets: `RANK`,
    `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT`. Without them, there is one, and nothing is done.
    Where each has a GPU, this is its device inside.

    Parameters
    ----------
    timeout : timedelta, default=30 minutes
        So long one of them waits for another, whose machine may be lost without a word. A process
        that fails or is ended is noticed at once.

    Yields
    ------
    place : Place
        With `rank` and `n_processes`, by which a process finds its rows.

    Raises
    ------
    RuntimeError
        If torch.distributed has a group already, or if a process does not come in time.

    Examples
    --------
    A script to be started as ``torchrun --nproc-per-node 2 script.py``, or as any other:

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
            "torch.distributed has a group already, which fits use: there is no need for another."
        )
    has_gpus = _has_gpus()
    _start("cpu:gloo,cuda:nccl" if has_gpus else "gloo", timeout)
    try:
        with _own_gpu() if has_gpus else nullcontext():
            yield Place(dist.get_rank(), dist.get_world_size())
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _start(backend: str, timeout: timedelta) -> None:
    """Make the group of torch.distributed, in a store without traces of earlier ones."""
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
    """Whether each process on this machine can have a GPU of its own."""
    n_here = int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"]))
    return torch.cuda.is_available() and n_here <= torch.cuda.device_count()


def _own_gpu() -> AbstractContextManager[None]:
    """Return a context in which a process works on its own GPU."""
    device: AbstractContextManager[None] = torch.cuda.device(
        int(os.environ.get("LOCAL_RANK", os.environ["RANK"]))
    )
    return device
