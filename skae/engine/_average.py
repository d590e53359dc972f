"""Averages of weights over the last updates."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from skae.engine._files import StateDict


class Average:
    """A running mean of what a tensor was.

    Parameters
    ----------
    values : Tensor of shape (n_parameters,)
        Changes in place.
    n_updates : float
        About how many of its last states count.
    """

    def __init__(self, values: Tensor, n_updates: float) -> None:
        self.values = values
        self.mean = values.clone()
        self.n_updates = n_updates
        self._n_seen = 0

    def update(self) -> None:
        """Take note of the present state."""
        self._n_seen += 1
        # of the first states, the plain mean
        self.mean.lerp_(self.values, 1 / max(1.0, min(self.n_updates, self._n_seen)))

    def state_dict(self) -> StateDict:
        """Return the mean as it lies, and of how many states it is."""
        return {"mean": self.mean, "n_seen": self._n_seen}

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from what `state_dict` returned."""
        self.mean.copy_(state["mean"])
        self._n_seen = state["n_seen"]

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Have the mean in place of the values for a while."""
        values = self.values.clone()
        self.values.copy_(self.mean)
        try:
            yield
        finally:
            self.values.copy_(values)
