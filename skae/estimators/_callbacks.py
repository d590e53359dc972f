"""scikit-learn's callbacks, told of every epoch. They came with scikit-learn 1.9."""

from collections.abc import Callable
from typing import Any, Protocol

from skae.engine import History, State, Watcher

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing, before scikit-learn 1.9."""


class FindAttributes(Protocol):
    """Finds what an estimator would have if its fit stopped now."""

    def __call__(self, history: History, state: State) -> dict[str, Any]:
        """Return the fitted attributes."""


class FitCallbacks(Watcher):
    """Tells an estimator's callbacks of its fit and of every epoch.

    Parameters
    ----------
    estimator : estimator
        At the beginning of its fit.
    X, y : object
        What the fit was given.
    """

    def __init__(self, estimator: Any, X: Any, y: Any) -> None:
        self.given = {"estimator": estimator, "X": X, "y": y}
        self.fit: Any = None
        # where nobody asks for them, they cost nothing
        if hasattr(estimator, "_init_callback_context"):
            self.fit = estimator._init_callback_context(max_subtasks=estimator.max_iter)
            self.fit.call_on_fit_task_begin(**self.given)
        self.epoch: Any = None
        self.find_attributes: FindAttributes | None = None

    def begin_epoch(self) -> None:
        """Tell of it."""
        if self.fit is not None:
            self.epoch = self.fit.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(**self.given)

    def end_epoch(self, history: History, find_state: Callable[[], State]) -> bool:
        """Tell of it; return whether one of them wants to stop."""
        if self.fit is None:
            return False

        def find() -> dict[str, Any]:
            assert self.find_attributes is not None
            return self.find_attributes(history, find_state())

        return self.epoch.call_on_fit_task_end(**self.given, reconstruction_attributes=find)

    def end_fit(self) -> None:
        """Tell that the fit has ended."""
        if self.fit is not None:
            self.fit.call_on_fit_task_end(**self.given)
