"""Processes meet in a part of a store that is theirs alone, whatever others have left there."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import torch.distributed as dist

from skae.distributed._meeting import meet

SHORT, LONG = timedelta(seconds=0.1), timedelta(seconds=20)


@pytest.fixture
def store():
    store = dist.HashStore()
    store.set_timeout(LONG)
    return store


def meet_all(store, ranks):
    """Return the parts that threads find, which come in this order."""
    with ThreadPoolExecutor(len(ranks)) as pool:
        parts = [pool.submit(meet, store, rank, len(ranks), LONG) for rank in ranks]
        return [part.result(LONG.total_seconds()) for part in parts]


@pytest.mark.parametrize("ranks", [[0], [0, 1], [2, 1, 0], [1, 0, 2]])
def test_all_meet_in_the_same_part_and_every_time_in_another_one(store, ranks):
    for _ in range(3):
        parts = meet_all(store, ranks)
        assert not any(part.check(["address"]) for part in parts)
        parts[0].set("address", "here")
        assert [part.get("address") for part in parts] == [b"here"] * len(ranks)


@pytest.mark.parametrize("dead", [0, 1])
def test_one_that_died_while_it_waited_misleads_nobody(store, dead):
    if dead:
        store.set_timeout(SHORT)
    with pytest.raises(RuntimeError):
        meet(store, dead, 2, SHORT)
    store.set_timeout(LONG)
    first, second = meet_all(store, [0, 1])
    first.set("address", "here")
    assert second.get("address") == b"here"


def test_who_does_not_come_is_named(store):
    with pytest.raises(RuntimeError, match=r"process 1 has not joined in 0\.1 s\. Start all"):
        meet(store, 0, 3, SHORT)
