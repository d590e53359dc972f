"""Types of the estimators that are fitted here."""

from os import PathLike
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from skae._types import Seed
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
    """An estimator that can be fitted: it decides, and returns values.

    The methods from `_list_labels` on are called in this order; in a fit by blocks, `_read` is
    called for every block, and `_describe` and the methods beside it may be called again: they
    change nothing.
    """

    checkpoint: str | PathLike[str] | None
    checkpoint_every: int
    random_state: Seed
    warm_start: object
    n_features_in_: int
    classes_: NDArray

    _listed_from: ClassVar[int | None]
    """Lists of arrays of so many dimensions or more are blocks, others are rows; None: all are."""
    _pairs_with_y: ClassVar[bool]
    """Whether y has a row, such as an image, for every row of X, and comes in blocks with X."""
    _link_parameter: ClassVar[str]
    """The name of the parameter that chooses the link, for messages."""

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the parameters by name."""

    def _known_classes(self) -> dict[str, type]:
        """Return the classes that the fitted state may consist of."""

    def _list_labels(self, y: Blocks, source: FittedEstimator | None) -> NDArray | None:
        """Return the classes in y, or None if the network does not use classes.

        With many processes, y is the part of one of them, which may lack classes.
        """

    def _check_labels(self, labels: NDArray) -> None:
        """Raise ValueError if these are too few classes, in all processes, to learn from."""

    def _describe_features(self) -> object:
        """Return what all processes must have in common: names of features, shapes of images."""

    def _read(self, X: object, y: object, *, reset: bool) -> Rows:
        """Validate X and y, and return their rows."""

    def _describe(self, rows: Rows, source: FittedEstimator | None) -> Description:
        """Return the kind of the rows, and the link: the meaning of the network's output."""

    def _needs_all_for_link(self, source: FittedEstimator | None) -> bool:
        """Whether the link depends on all rows, so that blocks are read once more for it."""

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        """Return the recipe of the training; draw the seeds of changes of batches here."""

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        """Set all fitted attributes, and return warnings about the result."""
