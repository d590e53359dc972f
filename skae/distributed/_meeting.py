"""A rendezvous of processes in a store that earlier processes may have written to."""

import time
from datetime import timedelta
from uuid import uuid4

from torch.distributed.distributed_c10d import PrefixStore, Store

PAUSE = 0.01
"""Seconds between two checks for processes that have joined."""


def meet(store: Store, rank: int, n_processes: int, timeout: timedelta) -> Store:
    """Return an empty part of the store on which all processes have agreed.

    torchrun keeps its store when it restarts processes. Entries of the earlier processes, such as
    their addresses, would mislead the new ones. The number of restarts cannot tell them apart,
    since torchrun counts it for each machine separately.

    Therefore every process writes a random word. The first process chooses the part, and answers
    all words that it finds with its name, those of ended processes included, until all processes
    have joined.

    Parameters
    ----------
    store : Store
    rank : int
        Number of this process.
    n_processes : int
        Number of all processes.
    timeout : timedelta
        How long the first process waits for the others. They wait as long as the store does.

    Returns
    -------
    store : Store
        The part of the store.

    Raises
    ------
    RuntimeError
        If a process does not join in time.
    """
    talk = PrefixStore("skae", store)
    name = _invite(talk, n_processes, timeout) if rank == 0 else _join(talk, rank)
    return PrefixStore(name, talk)


def _invite(talk: Store, n_processes: int, timeout: timedelta) -> str:
    """Choose the name of the part, tell it to all other processes, and return it."""
    name = uuid4().hex
    deadline = time.monotonic() + timeout.total_seconds()
    missing = list(range(1, n_processes))
    while missing:
        # a word may be that of an ended process, so that it is read and answered again and again
        for rank in missing:
            if talk.check([_word_of(rank)]):
                talk.set(talk.get(_word_of(rank)).decode(), name)
        missing = [rank for rank in missing if not talk.check([_joined(name, rank)])]
        if missing and time.monotonic() > deadline:
            raise RuntimeError(
                f"{n_processes} processes are expected, but process {missing[0]} has not joined in "
                f"{timeout.total_seconds():g} s. Start all of them, or give a longer timeout."
            )
        time.sleep(PAUSE if missing else 0)
    return name


def _join(talk: Store, rank: int) -> str:
    """Return the name of the part, which the first process has chosen."""
    # get waits until the word has an answer
    word = uuid4().hex
    talk.set(_word_of(rank), word)
    name = talk.get(word).decode()
    talk.set(_joined(name, rank), "")
    return name


def _word_of(rank: int) -> str:
    return f"word of {rank}"


def _joined(name: str, rank: int) -> str:
    return f"{name} joined by {rank}"
