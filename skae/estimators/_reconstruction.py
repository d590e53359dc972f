"""Recipes of the autoencoders that start at PCA and minimise a reconstruction loss."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from skae.fitting._recipe import Recipe, keep_random_weights
from skae.fitting._wrappers import corrupted
from skae.networks import Architecture
from skae.objectives import Contractive, ElasticNet, Objective, ReconstructionLoss, Term
from skae.rows._corruption import plan_corruption
from skae.rows._problem import Problem
from skae.starts._pca_start import PCAStart


@dataclass(frozen=True)
class Reconstruct:
    """Makes an objective of a reconstruction loss and of penalties.

    Attributes
    ----------
    loss : ReconstructionLoss
    alpha, l1_ratio : float
        The elastic net on the weights.
    contractive : float
        Strength of the contractive penalty.
    """

    loss: ReconstructionLoss
    alpha: float = 0.0
    l1_ratio: float = 0.0
    contractive: float = 0.0

    def __call__(self, network: Any, n_rows: int) -> Objective:
        """Return the loss and the penalties of a network."""
        terms: dict[str, Term] = {"loss": self.loss}
        if self.alpha > 0:
            # matrices and kernels; biases are not shrunk
            weights = [p for p in network.parameters() if p.ndim > 1]
            terms["alpha"] = ElasticNet(weights, self.alpha, self.l1_ratio)
        if self.contractive > 0:
            terms["contractive"] = Contractive(network.encoder, self.contractive)
        return Objective(terms)


def reconstruction_recipe(
    estimator: Any,
    problem: Problem,
    architecture: Architecture,
    random_state: np.random.RandomState,
    *,
    solver: Literal["adam", "lbfgs"] = "adam",
    is_tied: bool = False,
) -> Recipe:
    """Return the recipe of an estimator with the parameters of a loss, penalties and a corruption.

    Parameters
    ----------
    estimator : AutoencoderTransformer or ConvAutoencoder
    problem : Problem
    architecture : Architecture
    random_state : RandomState
        Seeds the corruption.
    solver : {"adam", "lbfgs"}, default="adam"
    is_tied : bool, default=False
        Whether the decoder is the encoder's transpose.
    """
    plan = plan_corruption(estimator.corruption, estimator.corruption_level)
    link: Any = problem.link
    penalties = estimator.alpha, estimator.l1_ratio, estimator.contractive
    is_linear_start = estimator.init == "pca"
    recipe = Recipe(
        architecture=architecture,
        objective=Reconstruct(link, *penalties),
        start=PCAStart(problem, is_tied, plan) if is_linear_start else keep_random_weights,
        solver=solver,
    )
    return corrupted(recipe, plan, problem, random_state)
