"""Who looks on at a training."""

from collections.abc import Callable

from skae.engine._history import History
from skae.engine._step import State


class Watcher:
    """Is told what happens in a training, and may end it. This one does neither."""

    def begin_epoch(self) -> None:
        """Take note that an epoch begins."""

    def end_epoch(self, history: History, find_state: Callable[[], State]) -> bool:
        """Take note of an epoch; return whether to stop.

        Parameters
        ----------
        history : History
            Until now.
        find_state : callable
            Returns what the training would end with if it stopped now, but for whether it is
            accepted: the state of the best epoch so far.
        """
        return False

    def end_training(self, history: History) -> None:
        """Take note that the training has ended, and of what is kept."""
