"""Networks of images that start at the best linear filter."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from skae.rows._corruption import CorruptionPlan
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.starts._linear_filter import fit_filter, identity_filter
from skae.starts._windows import Filter

MAX_PIXELS = 2**19
"""About how many pixels a filter is fitted to: it has few weights."""
SMALLEST_CROP = 32
"""Pixels along an axis."""


class FitFilter(Protocol):
    """Fits a filter."""

    def __call__(
        self, seen: NDArray, target: NDArray, random_state: np.random.RandomState
    ) -> Filter:
        """Return the filter from images that are seen to their targets, both in units."""


@dataclass(frozen=True)
class LeastSquares:
    """Fits the filter with the least squared error.

    Attributes
    ----------
    size : int
        Size of the kernel, odd.
    problem : Problem
    corruption : CorruptionPlan or None
        Corrupts the images that are seen.
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
    """Takes the images themselves, and measures the error that this leaves."""

    problem: Problem
    corruption: CorruptionPlan | None = None

    def __call__(
        self, seen: NDArray, target: NDArray, random_state: np.random.RandomState
    ) -> Filter:
        """Return the filter."""
        seen = corrupt_maps(self.corruption, seen, self.problem, random_state)
        units, target_units = self.problem.units, self.problem.target_units
        gain = units.scale / target_units.scale
        bias = (units.location - target_units.location).ravel() / target_units.scale
        return identity_filter(seen, target, gain, bias)


def corrupt_maps(
    plan: CorruptionPlan | None,
    seen: NDArray,
    problem: Problem,
    random_state: np.random.RandomState,
) -> NDArray:
    """Return corrupted images in units, or the images themselves if there is no corruption."""
    if plan is None:
        return seen
    clean = torch.from_numpy(seen)
    # extremes are those of channels: (n_pixels, n_channels, 1, 1)
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

    def __call__(self, module: Any, random_state: np.random.RandomState) -> Any:
        """Set the network; return the same for all images."""
        rival = deepcopy(module)
        self._set(module, self.problem.train, random_state)
        self._set(rival, self.problem.all_rows, random_state)
        return rival

    def _set(self, module: Any, rows: NDArray, random_state: np.random.RandomState) -> None:
        problem = self.problem
        X, y = take_crops(problem.seen, problem.target, rows)
        seen, target = problem.units.enter(X), problem.target_units.enter(y)
        module.set_filter_(*map(torch.from_numpy, self.fit(seen, target, random_state)))


def take_crops(X: NDArray, y: NDArray, rows: NDArray) -> tuple[NDArray, NDArray]:
    """Return the same parts of maps X and y, about `MAX_PIXELS` in all, of as many rows as can be.

    Images are whole where that is few enough. Larger ones are cropped, elsewhere in each.
    """
    rows = rows[: max(1, MAX_PIXELS // min(SMALLEST_CROP**2, X[0, 0].size))]
    share = min(1.0, MAX_PIXELS / (len(rows) * X[0, 0].size)) ** 0.5
    sizes = [max(min(SMALLEST_CROP, whole), int(share * whole)) for whole in X.shape[2:]]
    if tuple(sizes) == X.shape[2:]:
        return X[rows], y[rows]
    # the golden ratio spreads them evenly
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
