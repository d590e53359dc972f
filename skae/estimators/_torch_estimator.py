"""The base of all estimators that train a torch network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from inspect import signature
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from skae.blocks import Blocks
from skae.fitting._callbacks import DURING_FIT, CallbackSupportMixin
from skae.fitting._fitted import Fitted, FittedNetwork
from skae.fitting._recipe import Recipe
from skae.fitting._state import CLASSES, restored, simplified
from skae.objectives import SquaredError
from skae.rows._kinds import Description, TableRows
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._validation import check_magnitude, detached, reading

NOT_KEPT = (*DURING_FIT, "_optimizer_state")
"""Attributes that files and copies do without."""


class TorchEstimator(CallbackSupportMixin, BaseEstimator, ABC):
    """Abstract base of the estimators that train a torch network.

    A subclass decides and returns values; the functions of `skae.fitting` do the rest. They ask
    for these once in a fit, in this order: `_list_labels`, `_read`, `_describe`, `_make_recipe`,
    `_keep`.
    """

    _listed_from: ClassVar[int | None] = 2
    _pairs_with_y: ClassVar[bool] = False
    _link_parameter: ClassVar[str] = "loss"
    _state_classes: ClassVar[tuple[type, ...]] = ()
    """Classes of fitted attributes, beside those that all estimators have."""
    # scikit-learn's representation in notebooks describes parameters that have a link
    _doc_link_module = "skae"
    _doc_link_template = "#skae.{estimator_name}"
    _network: FittedNetwork
    _optimizer_state: dict[str, Any]
    """What the optimiser remembers of the passes, after `partial_fit` alone."""
    device: str

    def __getstate__(self) -> dict[str, Any]:
        """Return the state in plain values, so that files name no class but the estimator's."""
        state = super().__getstate__()
        kept = {name: value for name, value in state.items() if name not in NOT_KEPT}
        return simplified(kept, self._known_classes())

    def __setstate__(self, state: dict[str, Any]) -> None:
        # parameters that came after the state was saved have their defaults
        parameters = signature(type(self)).parameters.values()
        defaults = {parameter.name: parameter.default for parameter in parameters}
        super().__setstate__(defaults | restored(state, self._known_classes()))

    def _known_classes(self) -> dict[str, type]:
        """Return the classes that the state may hold as plain values, by name."""
        return CLASSES | {cls.__name__: cls for cls in self._state_classes}

    def _validate(self, X: object, *, reset: bool) -> NDArray:
        """Return X as float64 or float32, with values that float32 can hold."""
        with reading():
            rows: NDArray = validate_data(
                self, detached(X), reset=reset, dtype=[np.float64, np.float32]
            )
        check_magnitude(rows)
        return rows

    def _list_labels(self, y: Blocks, source: Self | None) -> NDArray | None:
        """Return the classes that y holds, or None if the network is told of none.

        `source` is the fitted estimator to go on from, or None.
        """
        return None

    def _check_labels(self, labels: NDArray) -> None:
        """Raise ValueError if these are too few classes, in all processes, to learn from."""

    def _describe_features(self) -> object:
        """Return what all processes must have in common: names of features, or their number."""
        names = getattr(self, "feature_names_in_", None)
        return self.n_features_in_ if names is None else names.tolist()

    def _read(self, X: object, y: object, *, reset: bool) -> Rows:
        """Validate X and y, and return their rows."""
        rows = self._validate(X, reset=reset)
        return Rows(rows, rows)

    def _describe(self, rows: Rows, source: Self | None) -> Description:
        """Return the kind of rows that were read, and the meaning of the network's output."""
        # a network that goes on has its start behind it
        has_products = source is None and getattr(self, "init", None) != "random"
        return Description(TableRows(has_products), SquaredError())

    def _needs_all_for_link(self, source: Self | None) -> bool:
        """Whether the link depends on all rows, so that blocks are read once more for it."""
        return False

    @abstractmethod
    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        """Decide how to learn; what is drawn here seeds the changes of batches."""

    @abstractmethod
    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        """Set all fitted attributes; return warnings about the result."""

    def _keep_history(self, fitted: Fitted) -> None:
        """Set the network and the curves of its training."""
        history = fitted.history
        self._network = fitted.network
        self.loss_curve_ = history.training
        self.validation_curve_ = history.validation or None
        self.n_iter_ = history.n_epochs
        self.best_iter_ = history.kept
        self.__dict__.pop("_optimizer_state", None)
