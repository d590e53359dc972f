"""Rules for when to stop, and for whether the best epoch is kept."""

from math import inf

from scipy.special import ndtri, stdtrit
from torch import Tensor

from skae.engine._checkpoint import StateDict


class Stopping:
    """Stops after a number of epochs without a relative improvement.

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
        """Record an epoch's loss; return whether to stop."""
        if loss < self._best - self.tol * abs(self._best) or self._best == inf:
            self._best, self._n_since = loss, 0
        else:
            self._n_since += 1
        return self.n_iter_no_change is not None and self._n_since >= self.n_iter_no_change

    def state_dict(self) -> StateDict:
        """Return the best loss so far, and the number of epochs since."""
        return {"best": self._best, "n_since": self._n_since}

    def load_state_dict(self, state: StateDict) -> None:
        """Set the state that `state_dict` returned."""
        self._best, self._n_since = state["best"], state["n_since"]


class Acceptance:
    """The condition under which the best epoch is kept, and not the start.

    Parameters
    ----------
    is_tested : bool, default=False
        Whether the fall of the mean loss must be significant: by a paired t-test at 1 %, or by a
        sign test at 0.05 %, since a few rows with huge losses inflate the standard error. These
        levels are strict because the best of many epochs is tested.
    ceiling : float, default=inf
        The best epoch's mean loss must be below this value.
    """

    def __init__(self, is_tested: bool = False, ceiling: float = inf) -> None:
        self.is_tested = is_tested
        self.ceiling = ceiling

    def __call__(self, start: Tensor, best: Tensor) -> bool:
        """Return whether the best epoch is kept, given both losses of every row, shape (n,)."""
        # in float64: differences of losses that are almost equal
        fall = (start - best).double()
        is_better = bool(fall.mean() > 0 and best.mean() < self.ceiling)
        return is_better and (not self.is_tested or _is_significant(fall))


def _is_significant(fall: Tensor) -> bool:
    """Whether paired differences have a positive mean or, more strictly, a positive median."""
    n_rows = len(fall)
    if n_rows < 2:
        return False
    by_mean = fall.mean() > stdtrit(n_rows - 1, 0.99) * fall.std() / n_rows**0.5
    # the number of positive signs, by its normal approximation
    by_sign = fall.sign().sum() > ndtri(0.9995) * n_rows**0.5
    return bool(by_mean or by_sign)
