"""Who looks on at a training."""

from collections.abc import Callable

from skae.engine._history import History
from skae.engine._step import State

FindKept = Callable[[], tuple[int, State]]
"""Finds the epoch that would be kept if the training ended now, 0 for the start, and its state."""


class Watcher:
    """Is told what happens in a training, and may end it. This one does neither."""

    def begin_training(self, history: History) -> None:
        """Take note that a training begins, or goes on after some epochs."""

    def begin_epoch(self) -> None:
        """Take note that an epoch begins."""

    def end_epoch(self, history: History, find_kept: FindKept) -> bool:
        """Take note of an epoch; return whether to stop."""
        return False

    def end_training(self, history: History) -> None:
        """Take note that the training has ended, and of what is kept."""
