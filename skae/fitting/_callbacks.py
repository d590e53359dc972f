"""scikit-learn's callbacks, called after every epoch. They need scikit-learn 1.9."""

from collections.abc import Callable
from functools import partial
from typing import Any

from skae.engine import FindKept, History, Watcher

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for scikit-learn's mixin, which versions before 1.9 do not have."""


FindAttributes = Callable[[History, FindKept], dict[str, object]]
"""Returns the attributes that an estimator would have if its fit ended now."""
DURING_FIT = "_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx"
"""Attributes that scikit-learn sets during a fit."""


class FitTask:
    """Calls the callbacks of an estimator at the beginning and at the end of its fit.

    Parameters
    ----------
    estimator : estimator
        At the beginning of its fit.
    X, y : object
        The arguments of `fit`.
    """

    def __init__(self, estimator: Any, X: object, y: object) -> None:
        self.given: dict[str, object] = {"estimator": estimator, "X": X, "y": y}
        # a CallbackContext, which scikit-learn does not type
        self.context: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
            self.context.call_on_fit_task_begin(**self.given)

    def watch(self, find_attributes: FindAttributes) -> Watcher:
        """Return a watcher that calls the callbacks after every epoch, if there are any."""
        if not getattr(self.given["estimator"], "_skl_callbacks", None):
            return Watcher()
        return EpochTasks(self.context, self.given, find_attributes)

    def is_in_search(self) -> bool:
        """Whether the fit is part of a search, such as GridSearchCV, that compares many fits."""
        context = self.context
        while context is not None:
            if context.estimator_name.endswith("SearchCV"):
                return True
            context = context.parent
        return False

    def end(self) -> None:
        """Call the callbacks at the end of the fit."""
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.given, reconstruction_attributes={})


class EpochTasks(Watcher):
    """Calls callbacks at the beginning and at the end of every epoch.

    Parameters
    ----------
    fit : CallbackContext
    given : dict
        The estimator, X and y.
    find_attributes : callable
        Called if a callback asks for the attributes that the estimator would have.
    """

    def __init__(self, fit: Any, given: dict[str, object], find_attributes: FindAttributes) -> None:
        self.fit = fit
        self.given = given
        self.find_attributes = find_attributes
        self.epoch: Any = None

    def begin_training(self, history: History) -> None:
        """Count the epochs that were run before an interruption."""
        for _ in range(history.n_epochs):
            self.fit.subcontext(task_name="epoch")

    def begin_epoch(self) -> None:
        """Call the callbacks at the beginning of an epoch."""
        self.epoch = self.fit.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self.given)

    def end_epoch(self, history: History, find_kept: FindKept) -> bool:
        """Call the callbacks at the end of an epoch; return whether one of them asks to stop."""
        # found only if a callback asks: copies of all weights take time
        find = partial(self.find_attributes, history, find_kept)
        return self.epoch.call_on_fit_task_end(**self.given, reconstruction_attributes=find)
