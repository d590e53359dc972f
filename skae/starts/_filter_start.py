"""Networks of images that start at the best linear filter."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skae.rows._corruption import CorruptionPlan
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.starts._linear_filter import fit_filter, identity_filter
from skae.starts._windows import Filter

MAX_PIXELS = 2**19
"""A filter is fitted to about this many pixels, or fewer: it has few weights."""
SMALLEST_CROP = 32
"""Smallest size of a crop along an axis, in pixels."""


class FilterNetwork(Protocol):
    """A network around a fixed linear filter."""

    def set_filter_(self, kernel: Tensor, bias: Tensor, scale: Tensor) -> None:
        """Set the filter, and the unit of corrections to it for every channel."""


class FitFilter(Protocol):
    """Fits a linear filter to images."""

    def __call__(
        self, seen: NDArray, target: NDArray, random_state: np.random.RandomState
    ) -> Filter:
        """Return the filter that maps images `seen` to `target`, both in the network's units."""


@dataclass(frozen=True)
class LeastSquares:
    """Fits the filter with the least squared error.

    Attributes
    ----------
    size : int
        Size of the kernel, odd.
    problem : Problem
    corruption : CorruptionPlan or None
        Corrupts the input of the filter.
    """

    size: int
    problem: Problem
    corruption: CorruptionPlan | None = None

    def __call__(
        self, seen: NDArray, target: NDArray, random_state: np.random.RandomState
    ) -> Filter:
        """Return the filter."""
        seen = corrupt_maps(self.corruption, seen, self.problem, random_state)
        return fit_filter(seen, target, self.size)


@dataclass(frozen=True)
class Identity:
    """Returns the filter that leaves images as they are, with the error of doing so."""

    problem: Problem
    corruption: CorruptionPlan | None = None

    def __call__(
        self, seen: NDArray, target: NDArray, random_state: np.random.RandomState
    ) -> Filter:
        """Return the filter."""
        seen = corrupt_maps(self.corruption, seen, self.problem, random_state)
        units, target_units = self.problem.units, self.problem.target_units
        # unchanged in the data's units: in the network's, a gain and a shift
        gain = units.scale / target_units.scale
        bias = (units.location - target_units.location).ravel() / target_units.scale
        return identity_filter(seen, target, gain, bias)


def corrupt_maps(
    plan: CorruptionPlan | None,
    seen: NDArray,
    problem: Problem,
    random_state: np.random.RandomState,
) -> NDArray:
    """Return corrupted images, or the images themselves if there is no corruption; in units."""
    if plan is None:
        return seen
    clean = torch.from_numpy(seen)
    # bounds are of channels: (n, n_channels, *sizes) -> (n_pixels, n_channels, 1, 1)
    pixels = clean.movedim(1, -1).reshape(-1, clean.shape[1], 1, 1)
    corruption = plan.make(problem.units, pixels, torch_generator(random_state))
    return corruption.corrupt(clean).numpy()


@dataclass(frozen=True)
class FilterStart:
    """Sets the fixed part of a network to the best filter for the images to learn from.

    Attributes
    ----------
    problem : Problem
    fit : FitFilter
    """

    problem: Problem
    fit: FitFilter

    def __call__(self, module: nn.Module, random_state: np.random.RandomState) -> nn.Module:
        """Set the network to the filter of training images; return the baseline, of all images."""
        baseline = deepcopy(module)
        self._set(module, self.problem.train, random_state)
        self._set(baseline, self.problem.all_rows, random_state)
        return baseline

    def _set(self, module: nn.Module, rows: NDArray, random_state: np.random.RandomState) -> None:
        problem = self.problem
        X, y = take_crops(problem.seen, problem.target, rows)
        seen, target = problem.units.enter(X), problem.target_units.enter(y)
        found = self.fit(seen, target, random_state)
        cast(FilterNetwork, module).set_filter_(*map(torch.from_numpy, found))


def take_crops(X: NDArray, y: NDArray, rows: NDArray) -> tuple[NDArray, NDArray]:
    """Return the same crops of maps X and y, of as many rows as `MAX_PIXELS` allow.

    Images are whole if they are small enough; else each is cropped at another place.
    """
    rows = rows[: max(1, MAX_PIXELS // min(SMALLEST_CROP**2, X[0, 0].size))]
    share = min(1.0, MAX_PIXELS / (len(rows) * X[0, 0].size)) ** 0.5
    sizes = [max(min(SMALLEST_CROP, whole), int(share * whole)) for whole in X.shape[2:]]
    if tuple(sizes) == X.shape[2:]:
        return X[rows], y[rows]
    # multiples of irrational numbers, such as the golden ratio, spread the crops evenly
    places = np.outer(np.arange(len(rows)), [0.618034, 0.414214]) % 1
    free = np.array(X.shape[2:]) - sizes + 1
    corners = (places * free).astype(np.intp)
    (height, width), found = sizes, []
    for maps in X, y:
        crops = [
            maps[row, :, top : top + height, left : left + width]
            for row, (top, left) in zip(rows, corners, strict=True)
        ]
        found.append(np.stack(crops))
    return found[0], found[1]
