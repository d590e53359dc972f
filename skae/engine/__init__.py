"""Training of any module with any objective."""

from skae.engine._augmentation import ImageAugmentation
from skae.engine._batch import Batch
from skae.engine._batches import Batches
from skae.engine._changes import NOTHING, BatchChange, InTurn, RandomChange
from skae.engine._checkpoint import Checkpoint, replace_file
from skae.engine._corruption import Corruption, Gaussian, Masking, SaltAndPepper
from skae.engine._gradient_step import GradientStep
from skae.engine._history import History
from skae.engine._lengths import MAX_PREFIXES, DrawnLengths, SpreadLengths
from skae.engine._loader import Loader
from skae.engine._loop import DivergenceError, learn_once, mean_loss, run
from skae.engine._noise import CubatureNoise, Noise, NormalNoise, ShiftedNoise
from skae.engine._peers import ALONE, PeerError, Peers, count_peers, find_peers
from skae.engine._quasi_newton import QuasiNewtonStep
from skae.engine._schedule import SCHEDULES, Schedule
from skae.engine._step import State, Step
from skae.engine._stopping import Acceptance, Stopping
from skae.engine._streamed_batches import StreamedBatches
from skae.engine._threads import limited_threads, warn_of_fork
from skae.engine._watcher import FindKept, Watcher

__all__ = [
    "ALONE",
    "MAX_PREFIXES",
    "NOTHING",
    "SCHEDULES",
    "Acceptance",
    "Batch",
    "BatchChange",
    "Batches",
    "Checkpoint",
    "Corruption",
    "CubatureNoise",
    "DivergenceError",
    "DrawnLengths",
    "FindKept",
    "Gaussian",
    "GradientStep",
    "History",
    "ImageAugmentation",
    "InTurn",
    "Loader",
    "Masking",
    "Noise",
    "NormalNoise",
    "PeerError",
    "Peers",
    "QuasiNewtonStep",
    "RandomChange",
    "SaltAndPepper",
    "Schedule",
    "ShiftedNoise",
    "SpreadLengths",
    "State",
    "Step",
    "Stopping",
    "StreamedBatches",
    "Watcher",
    "count_peers",
    "find_peers",
    "learn_once",
    "limited_threads",
    "mean_loss",
    "replace_file",
    "run",
    "warn_of_fork",
]
