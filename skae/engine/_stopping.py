"""Which epoch to keep, and when to stop looking for a better one."""

from math import inf

import torch
from torch import Tensor


class Stopping:
    """Patience over relative improvements.

    Parameters
    ----------
    n_iter_no_change : int or None
        Stop after this many epochs without an improvement. None: never.
    tol : float
        An epoch has improved if its loss is below (1 - tol) times the best before it.
    """

    def __init__(self, n_iter_no_change: int | None, tol: float) -> None:
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self._best = inf
        self._n_since = 0

    def __call__(self, loss: float) -> bool:
        """Take note of an epoch's loss; return whether to stop."""
        if loss < self._best - self.tol * abs(self._best) or self._best == inf:
            self._best, self._n_since = loss, 0
        else:
            self._n_since += 1
        return self.n_iter_no_change is not None and self._n_since >= self.n_iter_no_change


def gain(start: Tensor, better: Tensor) -> float:
    """Return by how many standard errors the mean over rows fell.

    Parameters
    ----------
    start, better : Tensor of shape (n,)
        Losses of the same rows. With a single row there is no standard error: the gain is 0.
    """
    if len(start) < 2:
        return 0.0
    difference = (start - better).double()
    spread = difference.std() / len(difference) ** 0.5
    return float(difference.mean() / spread.clamp(min=torch.finfo(torch.float64).tiny))
