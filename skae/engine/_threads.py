"""The number of threads for a training."""

import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from threadpoolctl import ThreadpoolController
from torch import nn

WORK_PER_THREAD = 2**25
"""Multiplications in a batch's forward pass for which a thread is used.

On an idle machine, a second thread saves no time for few multiplications, and nearly half of it for
170 million. On a busy machine, threads wait for each other, and two are slower than one.
"""


PROCESS = os.getpid()
"""The process that has imported this module; another one that has it is a fork."""


def warn_of_fork() -> None:
    """Warn if this is a fork in which torch may wait for threads that only its parent has."""
    if os.getpid() == PROCESS or torch.get_num_threads() == 1:
        return
    warnings.warn(
        "This process is a fork. If the one it comes from has used several threads of torch, it "
        "will wait for them forever. Use joblib's default back-end, loky, or the start method "
        "'spawn', or call torch.set_num_threads(1) here first.",
        RuntimeWarning,
        stacklevel=2,
    )


def limited_threads(network: nn.Module, n_rows: int) -> AbstractContextManager[object]:
    """Return a context in which torch uses as many threads as a batch has work for.

    The limit is OpenMP's own, which holds for the calling thread only. Other threads, which may be
    training as well, and torch's settings do not change. If a thread has called
    `torch.set_num_threads`, its matrix products use that number.

    Parameters
    ----------
    network : nn.Module
        If it has convolutions, all threads are used.
    n_rows : int
        Number of rows of a batch.
    """
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    n_threads = max(1, n_rows * sum(w.numel() for w in weights) // WORK_PER_THREAD)
    if n_threads >= torch.get_num_threads() or any(w.ndim > 2 for w in weights):
        return nullcontext()
    return _controller().limit(limits=n_threads)


@cache
def _controller() -> ThreadpoolController:
    """Return a controller of all loaded copies of OpenMP, torch's among them."""
    return ThreadpoolController().select(user_api="openmp")
