"""What the functions of this room ask of an estimator."""

from os import PathLike
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Blocks
from skae.fitting._fitted import Fitted, FittedNetwork
from skae.fitting._recipe import Recipe
from skae.rows._kinds import Description
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._units import Units


class FittedEstimator(Protocol):
    """A fitted estimator that another fit goes on from."""

    _network: FittedNetwork
    _units: Units
    n_features_in_: int


class Estimator(Protocol):
    """An estimator decides and returns values: each of these is asked once in a fit, in this order.

    In a fit by blocks, `_read` is asked for every block.
    """

    checkpoint: str | PathLike[str] | None
    checkpoint_every: int
    random_state: Any
    warm_start: Any
    n_features_in_: int
    classes_: Any

    _listed_from: ClassVar[int | None]
    """Lists of arrays of so many dimensions or more are blocks, others are rows; None: all are."""
    _pairs_with_y: ClassVar[bool]
    """Whether y has a row for every row of X that is as large, and comes in blocks with X."""
    _link_parameter: ClassVar[str]
    """The name of the parameter that chooses the link, for messages."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""

    def _known_classes(self) -> dict[str, type]:
        """Return the classes that the fitted state may consist of."""

    def _list_labels(self, y: Blocks, source: Any) -> NDArray | None:
        """Return the classes that y holds, or None if the network is told of none.

        With many processes, y is the part of one of them, which may lack classes.
        """

    def _check_labels(self, labels: NDArray) -> None:
        """Raise ValueError if these are too few classes, in all processes, to learn from."""

    def _describe_features(self) -> object:
        """Return what all processes must have in common: names of features, shapes of images."""

    def _read(self, X: Any, y: Any, *, reset: bool) -> Rows:
        """Validate X and y, and return their rows."""

    def _describe(self, rows: Rows, source: Any) -> Description:
        """Return the kind of rows that were read, and the meaning of the network's output."""

    def _needs_all_for_link(self, source: Any) -> bool:
        """Whether the link depends on all rows, and blocks must be read once more for it."""

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        """Decide how to learn; what is drawn here seeds the changes of batches."""

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        """Set all fitted attributes; return warnings about the result."""
