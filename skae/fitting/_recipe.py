"""A recipe: all that an estimator decides before anything is trained."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np
from torch import nn

from skae._scikit_learn import Interval, StrOptions
from skae.engine import BatchChange, InTurn
from skae.fitting._parameters import DENSE, check_values
from skae.fitting._steps import MakeStep, make_gradient_step
from skae.networks import Architecture
from skae.objectives import Objective


class Changes(NamedTuple):
    """The changes of batches: noise, corruption, lengths, moved images.

    Attributes
    ----------
    train : BatchChange or None
        The change of batches to learn from, drawn anew for every batch.
    held_out : BatchChange or None
        The change of held-out rows, drawn once.
    """

    train: BatchChange | None
    held_out: BatchChange | None

    def then(self, train: BatchChange | None, held_out: BatchChange | None) -> "Changes":
        """Return these changes followed by others."""
        return Changes(_in_turn(self.train, train), _in_turn(self.held_out, held_out))

    def after(self, train: BatchChange) -> "Changes":
        """Return these changes with another one before the change of batches to learn from."""
        return self._replace(train=_in_turn(train, self.train))


def _in_turn(first: BatchChange | None, second: BatchChange | None) -> BatchChange | None:
    if first is None or second is None:
        return first or second
    return InTurn([first, second])


UNCHANGED = Changes(None, None)


class Start(Protocol):
    """Sets a new network to the start of its training."""

    def __call__(self, module: nn.Module, random_state: np.random.RandomState) -> nn.Module | None:
        """Set the module, and return its baseline if the start is an optimum.

        The baseline is the start for all rows, held-out ones included. It is the result of the fit
        unless the trained network is better.
        """


class MakeObjective(Protocol):
    """Makes the objective of a training."""

    def __call__(self, network: nn.Module, n_rows: int) -> Objective:
        """Return the terms to minimise; `n_rows` is the number of rows in an epoch."""


def keep_random_weights(module: nn.Module, random_state: np.random.RandomState) -> None:
    """Keep the random weights of a new network; there is no baseline."""


COUNT = Interval(Integral, 1, None, closed="left")
CONSTRAINTS: dict[str, list[object]] = {
    "architecture": [Architecture],
    "objective": [callable],
    "start": [callable],
    "changes": [Changes],
    "solver": [StrOptions({"adam", "lbfgs"})],
    "make_step": [callable],
    "weight_decay": DENSE["weight_decay"],
    "width": [COUNT, None],
    "smallest_batch": [COUNT],
    "batch_size": [COUNT, None],
    "n_codes": [COUNT],
}
"""Constraints on the values of a recipe."""


@dataclass(frozen=True)
class Recipe:
    """All that is decided before a training.

    Attributes
    ----------
    architecture : Architecture
    objective : MakeObjective
    start : Start
    changes : Changes
    solver : {"adam", "lbfgs"}
        "lbfgs" takes quasi-Newton steps with all rows, in float64; "adam" those of `make_step`.
    make_step : MakeStep
        Makes the step by which the network learns from a batch.
    weight_decay : float
        Decoupled weight decay over the whole training.
    width : int or None
        Entries of the widest layer for one row. It bounds the size of batches. None: the largest
        of the architecture's sizes.
    smallest_batch : int
        Rows in a batch if there are few rows.
    batch_size : int or None
        Rows in a batch for ``batch_size="auto"``. None: chosen by the number of rows.
    n_codes : int
        Codes from which a row is decoded at a time. It bounds the memory of L-BFGS.
    hint : str
        Names in words the parameters, beside the learning rate, that may make a training diverge.
    compared : tuple
        Values, beside data, parameters, architecture and objective, that a fit must have in common
        with a checkpoint to go on from it.

    Raises
    ------
    ValueError
        If a value is of another kind, or out of range.
    """

    architecture: Architecture
    objective: MakeObjective
    start: Start = keep_random_weights
    changes: Changes = UNCHANGED
    solver: Literal["adam", "lbfgs"] = "adam"
    make_step: MakeStep = make_gradient_step
    weight_decay: float = 0.0
    width: int | None = None
    smallest_batch: int = 128
    batch_size: int | None = None
    n_codes: int = 1
    hint: str = ""
    compared: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        """Check the values: a solver of another name would train by AdamW."""
        check_values(CONSTRAINTS, vars(self), "Recipe")

    @property
    def widest(self) -> int:
        """Entries of the widest layer for a row."""
        return max(self.architecture.sizes) if self.width is None else self.width

    @property
    def dtype(self) -> type[np.floating]:
        """Precision of the training in memory."""
        return np.float64 if self.solver == "lbfgs" else np.float32

    def with_changes(self, changes: Changes) -> Self:
        """Return the recipe with other changes of batches."""
        return replace(self, changes=changes)
