"""Losses, likelihoods and penalties: small objects that return one value per row."""

from skae.objectives._bounds import (
    ImportanceWeightedBound,
    KullbackLeibler,
    ReconstructionLogLikelihood,
    kl_per_component,
    log_normal,
)
from skae.objectives._count_likelihoods import NegativeBinomial, Poisson
from skae.objectives._likelihoods import (
    MIN_VARIANCE,
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    DynamicBernoulli,
    Gaussian,
    GaussianDiagonal,
    Likelihood,
    StudentT,
)
from skae.objectives._link import Link
from skae.objectives._losses import (
    LOSSES,
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    ReconstructionLoss,
    SquaredError,
)
from skae.objectives._objective import Objective
from skae.objectives._penalties import Contractive, ElasticNet
from skae.objectives._prefixes import OverPrefixes
from skae.objectives._segmentation import (
    FOCUS,
    IGNORED,
    DiceCrossEntropy,
    PixelCrossEntropy,
    SoftDice,
)
from skae.objectives._sparsity import (
    ActivationDivergence,
    ActiveCount,
    CodeLasso,
    Revival,
)
from skae.objectives._term import Term

__all__ = [
    "FOCUS",
    "IGNORED",
    "LOSSES",
    "MIN_VARIANCE",
    "AbsoluteError",
    "ActivationDivergence",
    "ActiveCount",
    "Bernoulli",
    "BinaryCrossEntropy",
    "Categorical",
    "CodeLasso",
    "ContinuousBernoulli",
    "Contractive",
    "DiceCrossEntropy",
    "DynamicBernoulli",
    "ElasticNet",
    "Gaussian",
    "GaussianDiagonal",
    "Huber",
    "ImportanceWeightedBound",
    "KullbackLeibler",
    "Likelihood",
    "Link",
    "NegativeBinomial",
    "Objective",
    "OverPrefixes",
    "PixelCrossEntropy",
    "Poisson",
    "ReconstructionLogLikelihood",
    "ReconstructionLoss",
    "Revival",
    "SoftDice",
    "SquaredError",
    "StudentT",
    "Term",
    "kl_per_component",
    "log_normal",
]
