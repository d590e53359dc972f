"""Threads are limited where a batch is small, and only for who asks."""

import os
import threading
import warnings

import pytest
import torch
from threadpoolctl import ThreadpoolController
from torch import nn

from skae.engine import limited_threads, warn_of_fork
from skae.engine._threads import WORK_PER_THREAD


@pytest.fixture
def four_threads():
    """Allow torch four threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def _matrix(share):
    """Return a network whose weights, for a batch of 64 rows, are so many threads' work."""
    n = int(share * WORK_PER_THREAD / 64)
    return nn.Linear(n, 1, bias=False, device="meta")


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1), (1.5, 1), (2.5, 2), (3.5, 3), (4.5, 4), (50, 4)]
)
def test_threads_grow_with_the_work(four_threads, share, expected):
    with limited_threads(_matrix(share), 64):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 4


def test_convolutions_have_all(four_threads):
    with limited_threads(nn.Conv1d(1, 1, 3), 1):
        assert torch.get_num_threads() == 4


def test_other_threads_are_left_alone(four_threads):
    seen = []
    with limited_threads(_matrix(0.01), 64):
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert torch.get_num_threads() == 1
    assert seen == [4]


def test_other_libraries_are_left_alone(four_threads):
    """Their numbers may change meanwhile, by other threads, and are not put back."""
    blas = ThreadpoolController().select(user_api="blas")
    before = [library["num_threads"] for library in blas.info()]
    try:
        with limited_threads(_matrix(0.01), 64):
            blas.limit(limits=1)
        after = [library["num_threads"] for library in blas.info()]
    finally:
        blas.limit(limits=max(before))
    assert before
    assert set(after) == {1}


def test_the_limit_ends_with_an_error(four_threads):
    with pytest.raises(KeyError), limited_threads(_matrix(0.01), 64):
        raise KeyError
    assert torch.get_num_threads() == 4


def _warns_in_a_fork():
    """Return whether there is a warning in a forked process."""
    child = os.fork()
    if child == 0:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_of_fork()
        os._exit(len(caught))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_forks_are_warned_of_threads(four_threads):
    warn_of_fork()
    assert _warns_in_a_fork()
    torch.set_num_threads(1)
    assert not _warns_in_a_fork()
