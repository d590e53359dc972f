"""Running averages of weights."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from skae.engine._checkpoint import StateDict


class Average:
    """A running mean of a tensor's last states.

    Parameters
    ----------
    values : Tensor of shape (n_parameters,)
        The tensor, which others change in place.
    n_updates : float
        Number of states over which the mean extends.
    """

    def __init__(self, values: Tensor, n_updates: float) -> None:
        self.values = values
        self.mean = values.clone()
        self.n_updates = n_updates
        self._n_seen = 0

    def update(self) -> None:
        """Take the present state into the mean."""
        self._n_seen += 1
        # the plain mean, until there are n_updates states
        self.mean.lerp_(self.values, 1 / max(1.0, min(self.n_updates, self._n_seen)))

    def state_dict(self) -> StateDict:
        """Return the mean, which is not copied, and the number of states in it."""
        return {"mean": self.mean, "n_seen": self._n_seen}

    def load_state_dict(self, state: StateDict) -> None:
        """Set mean and number of states to those that `state_dict` returned."""
        self.mean.copy_(state["mean"])
        self._n_seen = state["n_seen"]

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Put the mean in the place of the values, until the context ends."""
        values = self.values.clone()
        self.values.copy_(self.mean)
        try:
            yield
        finally:
            self.values.copy_(values)
