"""What is to be learned of images, and where a network starts that learns it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skae.image._stream import ImageStream
from skae.rows._units import Units
from skae.starts._windows import Filter

MAX_PIXELS = 2**19
"""About from how many pixels a filter is learnt: it has few weights."""
SMALLEST_CROP = 32
"""Pixels along an axis."""


class ImageProblem(NamedTuple):
    """What is to be learned.

    Attributes
    ----------
    X, y : array of shape (n, n_channels, height, width)
        Images or patches of them, in their own units; y may be X itself. Of images that are read
        block by block, a random sample.
    units, target_units : Units
        Of X and y; their locations have shape (n_channels, 1, 1).
    train, valid : array of int
        The rows to learn from, and those that are held out, in random order.
    compared : tuple
        By which the same images are known again.
    stream : ImageStream or None
        Where X is a sample: all rows to learn from.
    """

    X: NDArray
    y: NDArray
    units: Units
    target_units: Units
    train: NDArray
    valid: NDArray
    compared: tuple[Any, ...]
    stream: ImageStream | None = None

    @property
    def target_range(self) -> tuple[float, float]:
        """The smallest and the largest value of y."""
        if self.stream is None:
            return float(self.y.min()), float(self.y.max())
        target: Any = self.stream.survey.target
        return float(target.low.min()), float(target.high.max())

    def training_tensors(self) -> tuple[Tensor, Tensor]:
        """Return what the network sees and what it is held against, in units."""
        inputs = as_images(self.units.enter(self.X))
        if self.y is self.X:
            return inputs, inputs
        return inputs, as_images(self.target_units.enter(self.y))

    def part(self, rows: NDArray) -> "ImageProblem":
        """Return the same for some rows alone."""
        X = self.X[rows]
        return self._replace(X=X, y=X if self.y is self.X else self.y[rows])


def find_units(maps: NDArray) -> Units:
    """Return the mean of every channel, and one scale for all."""
    units = Units.of(np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1]))
    return units._replace(location=units.location.reshape(-1, 1, 1))


def as_images(maps: NDArray) -> Tensor:
    """Return maps as a tensor to train with."""
    return torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32))


def start_at_filter(
    module: Any, problem: ImageProblem, find_filter: Callable[[NDArray, NDArray], Filter]
) -> nn.Module:
    """Set the fixed part of a network to the best filter for the rows to learn from.

    Parameters
    ----------
    module : AroundFilter
    problem : ImageProblem
    find_filter : callable
        Returns it for images of X and of y, in units.

    Returns
    -------
    rival : AroundFilter
        The same for all rows.
    """
    rival = deepcopy(module)
    all_rows = np.concatenate([problem.train, problem.valid])
    set_filter_(module, problem, problem.train, find_filter)
    set_filter_(rival, problem, all_rows, find_filter)
    return rival


def set_filter_(
    module: Any,
    problem: ImageProblem,
    rows: NDArray,
    find_filter: Callable[[NDArray, NDArray], Filter],
) -> None:
    """Set the fixed part of a network to the best filter for some rows."""
    X, y = take_crops(problem.target, problem.y, rows)
    found = find_filter(problem.units.enter(X), problem.target_units.enter(y))
    module.set_filter_(*map(torch.from_numpy, found))


def take_crops(X: NDArray, y: NDArray, rows: NDArray) -> tuple[NDArray, NDArray]:
    """Return the same parts of maps X and y, about `MAX_PIXELS` in all, of as many rows as can be.

    Images are whole where that is few enough. Of larger ones there are crops, elsewhere in each.
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
