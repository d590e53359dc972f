"""How many threads a training is worth."""

import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from threadpoolctl import ThreadpoolController
from torch import nn

WORK_PER_THREAD = 2**25
"""Multiplications in a batch's way forward that are worth a thread.

On an idle machine a second one gains nothing with few of them and nearly halves the time with 170
million; on a busy one threads wait for each other, and two are slower than one.
"""


PROCESS = os.getpid()
"""The process that has imported this module: in another one it is there by a fork."""


def warn_of_fork() -> None:
    """Warn if threads that torch would wait for may have been left behind by a fork."""
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
    """Return a context in which torch uses no more threads than a batch is worth.

    The limit is OpenMP's own, which holds for the calling thread only: others, that may be
    training as well, and torch's settings are left alone. A thread that has called
    `torch.set_num_threads` has the last word on its matrix products.

    Parameters
    ----------
    network : nn.Module
        With matrices. Of convolutions, a batch is worth all threads.
    n_rows : int
        In a batch.
    """
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    n_threads = max(1, n_rows * sum(w.numel() for w in weights) // WORK_PER_THREAD)
    if n_threads >= torch.get_num_threads() or any(w.ndim > 2 for w in weights):
        return nullcontext()
    return _controller().limit(limits=n_threads)


@cache
def _controller() -> ThreadpoolController:
    """Return the loaded copies of OpenMP, torch's among them, and no other library."""
    return ThreadpoolController().select(user_api="openmp")
