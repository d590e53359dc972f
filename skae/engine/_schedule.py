"""Schedules of the learning rate."""

from abc import ABC, abstractmethod
from math import cos, pi
from typing import ClassVar


class Schedule(ABC):
    """The learning rate at every update, as a share of the largest one.

    Parameters
    ----------
    n_updates : int
        Number of updates in the whole training.
    """

    averaged: ClassVar[float] = 0.0
    """Share of training over which weights are averaged; averages are evaluated and kept."""
    warm_up = 0.05
    """Share of training in which the rate rises linearly. Adam's first moments are those of few
    gradients: at the full rate, they would lead away from the start."""

    def __init__(self, n_updates: int) -> None:
        self.n_updates = n_updates

    def __call__(self, update: int) -> float:
        """Return the factor for the update of this number, counted from 0."""
        n_warm_up = max(1, int(self.warm_up * self.n_updates))
        progress = (update + 1 - n_warm_up) / max(1, self.n_updates - n_warm_up)
        return min(1.0, (update + 1) / n_warm_up) * self.decay(max(0.0, progress))

    @property
    def total(self) -> float:
        """The sum of the factors over all updates."""
        return sum(self(update) for update in range(self.n_updates))

    @abstractmethod
    def decay(self, progress: float) -> float:
        """Return the factor at this share, in [0, 1], of the updates after the warm-up."""


class Cosine(Schedule):
    """Falls to zero along half a cosine wave (Loshchilov and Hutter 2017)."""

    def decay(self, progress: float) -> float:
        """Return the factor at `progress`."""
        return (1 + cos(pi * progress)) / 2


class Constant(Schedule):
    """Stays at the largest rate after the warm-up."""

    def decay(self, progress: float) -> float:
        """Return 1."""
        return 1.0


class Averaged(Cosine):
    """Stays at the largest rate for half of the training, then falls along half a cosine wave.

    Weights are averaged (Polyak and Juditsky 1992), which removes the noise of steps as a falling
    rate does, but at any time of the training: the rate may stay high for longer.
    """

    averaged = 0.1

    def decay(self, progress: float) -> float:
        """Return the factor at `progress`."""
        return super().decay(max(0.0, 2 * progress - 1))


SCHEDULES: dict[str, type[Schedule]] = {
    "averaged": Averaged,
    "cosine": Cosine,
    "constant": Constant,
}
