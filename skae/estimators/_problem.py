"""What is to be learned, as the estimators' hooks are given it."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from torch import Tensor

from skae.blocks import Moments
from skae.engine import ALONE, Peers
from skae.estimators._principal_axes import PrincipalAxes, axes_of_moments, principal_axes
from skae.estimators._units import Units


class Classes(NamedTuple):
    """The classes, and what the network is told of them.

    Attributes
    ----------
    names : array of shape (n_classes,)
    values : array of shape (n_samples, ...)
        Of every row: 1 for its class and 0 for others, or the number of every pixel's class.
    """

    names: NDArray
    values: NDArray


class Problem(NamedTuple):
    """What is to be learned.

    Attributes
    ----------
    X : array of shape (n_samples, n_features)
        The rows that the decoder should give back, in their own units. Of a table that is read
        block by block, a random sample.
    seen : array of shape (n_samples, n_inputs)
        What the encoder sees of them, before it is taken into `units`; mostly X itself.
    units : Units
    link : object
        What the decoder's output means: a loss or a likelihood. `link.equivariant` says whether
        the decoder works in `units` as well.
    classes : Classes or None
        What the network is told of the rows beside them.
    train, valid : array of int
        The rows to learn from, and those that are held out.
    moments : pair of Moments, or None
        Where X is a sample: those of the whole table, in `units`: of what the encoder sees of
        the rows to learn from, and of all rows.
    stream : object or None
        Where X is a sample: the rows to learn from.
    peers : Peers
        Who else learns from a table, each from other rows of it.
    """

    X: NDArray
    seen: NDArray
    units: Units
    link: Any
    classes: Classes | None
    train: NDArray
    valid: NDArray
    moments: tuple[Moments, Moments] | None = None
    stream: Any = None
    peers: Peers = ALONE

    @property
    def rows(self) -> NDArray:
        """All rows in random order, so that the first ones stand for the others."""
        return np.concatenate([self.train, self.valid])

    def find_range(self) -> tuple[NDArray, NDArray]:
        """Return the smallest and the largest of what the encoder sees, of every number."""
        if self.stream is None:
            return self.seen.min(axis=0), self.seen.max(axis=0)
        return self.stream.survey.low, self.stream.survey.high

    def part(self, rows: NDArray) -> "Problem":
        """Return the same for some rows alone."""
        classes = self.classes
        if classes is not None:
            classes = classes._replace(values=classes.values[rows])
        return self._replace(X=self.X[rows], seen=self.seen[rows], classes=classes)

    def find_axes(
        self, rows: NDArray, n_axes: int, random_state: np.random.RandomState
    ) -> PrincipalAxes:
        """Return principal axes of what the encoder sees of `train` or of all rows, in `units`."""
        if self.moments is None:
            return principal_axes(self.seen, rows, self.units, n_axes, random_state)
        of_train, of_all = self.moments
        return axes_of_moments(of_train if len(rows) == len(self.train) else of_all, n_axes)


def training_tensors(
    problem: Problem, dtype: type[np.floating]
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return what the network sees and what it is held against."""
    seen = np.empty(problem.seen.shape, dtype)
    for rows in gen_batches(len(seen), max(1, 10**6 // seen.shape[1])):
        seen[rows] = problem.units.enter(problem.seen[rows])
    inputs: tuple[Tensor, ...] = (torch.from_numpy(seen),)
    if problem.classes is not None:
        inputs += (torch.from_numpy(problem.classes.values.astype(dtype)),)
    if problem.link.equivariant:
        return inputs, inputs[0]
    return inputs, torch.from_numpy(problem.X.astype(dtype))
