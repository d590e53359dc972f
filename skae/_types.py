"""Types of estimators, scorers and seeds, as far as this package uses them.

scikit-learn has no base class for "anything with `transform`": it asks for methods, and so do the
protocols here. They are for type checkers and readers; no object is checked against them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Seed: TypeAlias = int | np.random.RandomState | None
"""The parameter `random_state`, as in scikit-learn."""
# scorers take (estimator, X) or (estimator, X, y): no signature covers both
Scorer: TypeAlias = Callable[..., float]
"""A function of a fitted estimator and rows; a higher score is better."""


class Splitter(Protocol):
    """A cross-validation generator, such as KFold."""

    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None, /
    ) -> Iterable[tuple[NDArray, NDArray]]:
        """Yield the indices of training and test rows of every fold."""


CV: TypeAlias = int | Splitter | Iterable[tuple[NDArray, NDArray]] | None
"""The parameter `cv`, as in scikit-learn."""


class Estimator(Protocol):
    """An estimator that can be cloned, configured and fitted."""

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the parameters of the constructor."""

    def set_params(self, **params: object) -> Self:
        """Set parameters of the constructor."""

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, /) -> Self:
        """Fit the estimator to rows."""


EstimatorT = TypeVar("EstimatorT", bound=Estimator)


class Truncatable(Estimator, Protocol):
    """An estimator with ordered components: codes of any smaller width are columns of its codes."""

    def truncate(self, n_components: int, /) -> Self:
        """Return a fitted estimator with the first components only."""


class Predictor(Protocol):
    """A fitted estimator with `predict`."""

    def predict(self, X: ArrayLike, /) -> NDArray:
        """Return one prediction per row."""


class Classifier(Predictor, Protocol):
    """A fitted classifier."""

    @property
    def classes_(self) -> NDArray:
        """The labels of the classes, sorted."""


class Transformer(Protocol):
    """A fitted estimator with `transform`."""

    def transform(self, X: ArrayLike, /) -> NDArray:
        """Return the codes of rows."""


class Reducer(Transformer, Protocol):
    """A fitted estimator with `transform` and `inverse_transform`, such as PCA."""

    def inverse_transform(self, X: ArrayLike, /) -> NDArray:
        """Return the rows that belong to codes."""
