"""scikit-learn's callbacks, told of every epoch. They came with scikit-learn 1.9."""

from collections.abc import Callable
from functools import partial
from typing import Any

from skae.engine import FindKept, History, Watcher

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing, before scikit-learn 1.9."""


FindAttributes = Callable[[History, FindKept], dict[str, Any]]
"""Finds what an estimator would have if its fit stopped now."""
DURING_FIT = "_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx"
"""Attributes that scikit-learn sets while there is a fit."""


class FitTask:
    """Tells an estimator's callbacks of its fit.

    Parameters
    ----------
    estimator : estimator
        At the beginning of its fit.
    X, y : object
        What the fit was given.
    """

    def __init__(self, estimator: Any, X: Any, y: Any) -> None:
        self.given = {"estimator": estimator, "X": X, "y": y}
        self.context: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
            self.context.call_on_fit_task_begin(**self.given)

    def watch(self, find_attributes: FindAttributes) -> Watcher:
        """Return what tells of every epoch, if there is somebody to tell."""
        if not getattr(self.given["estimator"], "_skl_callbacks", None):
            return Watcher()
        return EpochTasks(self.context, self.given, find_attributes)

    def is_in_search(self) -> bool:
        """Whether the fit is one of many, whose results are compared."""
        context = self.context
        while context is not None:
            if context.estimator_name.endswith("SearchCV"):
                return True
            context = context.parent
        return False

    def end(self) -> None:
        """Tell that the estimator is fitted."""
        if self.context is not None:
            self.context.call_on_fit_task_end(**self.given, reconstruction_attributes={})


class EpochTasks(Watcher):
    """Tells callbacks of the epochs of a fit.

    Parameters
    ----------
    fit : CallbackContext
    given : dict
        The estimator, X and y.
    find_attributes : callable
        Asked if a callback wants to see the estimator as it would be.
    """

    def __init__(self, fit: Any, given: dict[str, Any], find_attributes: FindAttributes) -> None:
        self.fit = fit
        self.given = given
        self.find_attributes = find_attributes
        self.epoch: Any = None

    def begin_training(self, history: History) -> None:
        """Count the epochs that were run before a fit was cut off."""
        for _ in range(history.n_epochs):
            self.fit.subcontext(task_name="epoch")

    def begin_epoch(self) -> None:
        """Tell of it."""
        self.epoch = self.fit.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self.given)

    def end_epoch(self, history: History, find_kept: FindKept) -> bool:
        """Tell of it; return whether one of them wants to stop."""
        find = partial(self.find_attributes, history, find_kept)
        return self.epoch.call_on_fit_task_end(**self.given, reconstruction_attributes=find)
