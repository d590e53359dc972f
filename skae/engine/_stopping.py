"""Which epoch to keep, and when to stop looking for a better one."""

from math import inf

from scipy.special import stdtrit
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


class Acceptance:
    """What held-out rows must say for a start to be given up.

    Parameters
    ----------
    level : float, default=1.0
        Level of the paired t-test, one-sided, that the mean loss has fallen. 1: no test.
    ceiling : float, default=inf
        The mean loss must be below this.
    """

    def __init__(self, level: float = 1.0, ceiling: float = inf) -> None:
        self.level = level
        self.ceiling = ceiling

    def __call__(self, start: Tensor, best: Tensor) -> bool:
        """Compare losses of the same rows, each of shape (n,)."""
        fall = (start - best).double()
        return bool(fall.mean() > self._needed(fall) and best.mean() < self.ceiling)

    def _needed(self, fall: Tensor) -> float:
        """Return the fall of the mean that would be significant."""
        n_rows = len(fall)
        if self.level == 1.0:
            return 0.0
        if n_rows < 2:
            return inf
        return float(stdtrit(n_rows - 1, 1 - self.level) * fall.std() / n_rows**0.5)
