"""A learning problem: rows, their units, and the statistics of all of them."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from torch import Tensor

from skae.engine import ALONE, Peers
from skae.objectives import Link
from skae.rows._rows import Rows, Split
from skae.rows._stream import Stream
from skae.rows._summaries import Summaries
from skae.rows._units import Units

ENTRIES_AT_ONCE = 10**6
"""Rows are converted to units in parts of about this many entries: each needs float64 copies."""


class Problem(NamedTuple):
    """The data of a fit, from which an estimator decides how to learn.

    Attributes
    ----------
    rows : Rows
        All rows or, if they are read block by block, a random sample of them.
    units, target_units : Units
        The units of the network's input, and of its output.
    link : Link
        The meaning of the network's output: a loss or a likelihood.
    split : Split
    summaries : Summaries
        Means, ranges and counts of all rows.
    labels : array or None
        The classes, or labels of pixels, whose indicators or places `rows` hold.
    stream : Stream or None
        The rows to learn from, if they are read block by block.
    peers : Peers
        The processes that learn together, each from rows of its own.
    held_out_share : float or None
        The share of rows in memory that was asked to be held out; None: rows of blocks.
    """

    rows: Rows
    units: Units
    target_units: Units
    link: Link
    split: Split
    summaries: Summaries
    labels: NDArray | None = None
    stream: Stream | None = None
    peers: Peers = ALONE
    held_out_share: float | None = None

    @property
    def target(self) -> NDArray:
        """The rows that the network's output is compared with, in the data's units."""
        return self.rows.target

    @property
    def seen(self) -> NDArray:
        """The rows that the network is given, in the data's units."""
        return self.rows.seen

    @property
    def train(self) -> NDArray[np.intp]:
        """The rows of the sample to learn from, in random order."""
        return self.split.train

    @property
    def valid(self) -> NDArray[np.intp]:
        """The held-out rows, in random order."""
        return self.split.valid

    @property
    def all_rows(self) -> NDArray[np.intp]:
        """All rows of the sample in random order, so that the first ones stand for the others."""
        return self.split.all_rows

    @property
    def n_train(self) -> int:
        """Number of rows that this process learns from."""
        return len(self.train) if self.stream is None else self.stream.n_rows

    @property
    def indicators(self) -> NDArray:
        """Indicators of the classes of the rows, shape (n, n_classes), if classes are known."""
        if self.rows.beside is None:
            raise TypeError("The rows of this problem have no classes.")
        return self.rows.beside

    def bounds(self, dtype: type[np.floating]) -> Tensor:
        """Return the smallest and largest values of the input, in units; shape (2, ...)."""
        extremes = np.stack([self.summaries.seen.low, self.summaries.seen.high])
        return torch.from_numpy(self.units.enter(extremes).astype(dtype))


def training_tensors(
    problem: Problem, rows: Rows, dtype: type[np.floating]
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the network's inputs for some rows, and the target of its output.

    If rows are their own target, one tensor is both the input and the target.
    """
    seen = torch.from_numpy(_in_units(problem.units, rows.seen, dtype))
    inputs: tuple[Tensor, ...] = (seen,)
    if rows.beside is not None:
        inputs += (torch.from_numpy(rows.beside.astype(dtype)),)
    if rows.target is rows.seen and problem.target_units is problem.units:
        return inputs, seen
    return inputs, torch.from_numpy(_in_units(problem.target_units, rows.target, dtype))


def _in_units(units: Units, X: NDArray, dtype: type[np.floating]) -> NDArray:
    entered = np.empty(X.shape, dtype)
    for rows in gen_batches(len(X), max(1, ENTRIES_AT_ONCE // prod(X.shape[1:]))):
        entered[rows] = units.enter(X[rows])
    return entered
