"""What is minimised: small value objects that return one value per row."""

from skae.objectives._losses import (
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    ReconstructionLoss,
    SquaredError,
)
from skae.objectives._penalties import Contractive, ElasticNet
from skae.objectives._term import Objective, Term

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "BinaryCrossEntropy",
    "Contractive",
    "ElasticNet",
    "Huber",
    "Objective",
    "ReconstructionLoss",
    "SquaredError",
    "Term",
]
