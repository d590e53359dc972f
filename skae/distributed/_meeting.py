"""How processes find each other in a store that earlier ones may have written to."""

import time
from datetime import timedelta
from uuid import uuid4

from torch.distributed.distributed_c10d import PrefixStore, Store

PAUSE = 0.01
"""Seconds between two looks at who has come."""


def meet(store: Store, rank: int, n_processes: int, timeout: timedelta) -> Store:
    """Return a part of the store that all processes share, and that nobody has written to.

    torchrun keeps its store when it starts processes anew. What the ones before have left there,
    such as their addresses, would mislead those of now. How often a process was started does not
    tell them apart, since torchrun counts that for each machine alone.

    So each leaves a word that nobody has used before. The first one answers every word that it
    finds, those of the dead too, until all have joined.

    Parameters
    ----------
    store : Store
    rank : int
    n_processes : int
    timeout : timedelta
        So long the first one waits for the others; they wait as long as the store does.

    Raises
    ------
    RuntimeError
        If one of them does not come in time.
    """
    talk = PrefixStore("skae", store)
    name = _invite(talk, n_processes, timeout) if rank == 0 else _join(talk, rank)
    return PrefixStore(name, talk)


def _invite(talk: Store, n_processes: int, timeout: timedelta) -> str:
    """Return the name of the part, which the others have been told."""
    name = uuid4().hex
    deadline = time.monotonic() + timeout.total_seconds()
    missing = list(range(1, n_processes))
    while missing:
        for rank in missing:
            if talk.check([_word_of(rank)]):
                talk.set(talk.get(_word_of(rank)).decode(), name)
        missing = [rank for rank in missing if not talk.check([_joined(name, rank)])]
        if missing and time.monotonic() > deadline:
            raise RuntimeError(
                f"{n_processes} processes were to meet, but process {missing[0]} has not come in "
                f"{timeout.total_seconds():g} s. Start all of them, or give a longer timeout."
            )
        time.sleep(PAUSE if missing else 0)
    return name


def _join(talk: Store, rank: int) -> str:
    """Return the name of the part, as the first one tells it."""
    word = uuid4().hex
    talk.set(_word_of(rank), word)
    name = talk.get(word).decode()
    talk.set(_joined(name, rank), "")
    return name


def _word_of(rank: int) -> str:
    return f"word of {rank}"


def _joined(name: str, rank: int) -> str:
    return f"{name} joined by {rank}"
