"""The contract of watchers, which are informed of a training."""

from collections.abc import Callable

from skae.engine._history import History
from skae.engine._step import State

FindKept = Callable[[], tuple[int, State]]
"""Returns the epoch that would be kept if the training ended now, 0 for the start, and its
state."""


class Watcher:
    """Base of watchers: they are informed of every epoch, and may end the training."""

    def begin_training(self, history: History) -> None:
        """React to the beginning of a training, or to its continuation from a checkpoint."""

    def begin_epoch(self) -> None:
        """React to the beginning of an epoch."""

    def end_epoch(self, history: History, find_kept: FindKept) -> bool:
        """React to the end of an epoch; return whether to stop the training."""
        return False

    def end_training(self, history: History) -> None:
        """React to the end of a training; `history.kept` is known."""
