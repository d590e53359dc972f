"""Which epoch to keep, and when to stop looking for a better one."""

from math import inf

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
    min_gain : float, default=0.0
        The mean loss must have fallen by more than this many standard errors.
    ceiling : float, default=inf
        The mean loss must be below this.
    """

    def __init__(self, min_gain: float = 0.0, ceiling: float = inf) -> None:
        self.min_gain = min_gain
        self.ceiling = ceiling

    def __call__(self, start: Tensor, best: Tensor) -> bool:
        """Compare losses of the same rows, each of shape (n,)."""
        fall = (start - best).double()
        # a single row has no standard error, and nothing it says is certain
        error = float(fall.std()) / len(fall) ** 0.5 if len(fall) > 1 else inf
        needed = self.min_gain * error if self.min_gain else 0.0
        return bool(fall.mean() > needed and best.mean() < self.ceiling)
