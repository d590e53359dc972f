"""Training of any module with any objective."""

from skae.engine._batches import Batch, Batches
from skae.engine._corruption import Corruption, Gaussian, Masking, SaltAndPepper
from skae.engine._loop import Divergence, History, run
from skae.engine._schedule import SCHEDULES, Schedule
from skae.engine._step import GradientStep, Step
from skae.engine._stopping import Stopping

__all__ = [
    "SCHEDULES",
    "Batch",
    "Batches",
    "Corruption",
    "Divergence",
    "Gaussian",
    "GradientStep",
    "History",
    "Masking",
    "SaltAndPepper",
    "Schedule",
    "Step",
    "Stopping",
    "run",
]
