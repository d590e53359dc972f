"""Recipes of estimators that deform atlases to images: plans, starts and objectives."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skae.estimators._image_rows import check_hidden_channels
from skae.networks import ImageLayout
from skae.objectives import Objective, Term
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._deformation_terms import (
    DeformationEnergy,
    MeanDisplacement,
    MeanDisplacementOfClasses,
)
from skae.rows._problem import Problem
from skae.rows._summaries import Features

if TYPE_CHECKING:
    from skae.registration._deformation import BaseDeformation

CENTERING = 300.0
"""Weight of the squared mean displacement, which is measured in units of the largest size."""


def check_sizes(layout: ImageLayout) -> None:
    """Raise ValueError if images of this layout cannot be deformed."""
    # flattened images without image_shape have one size
    sizes = layout.spatial
    if len(sizes) not in (2, 3):
        raise ValueError(
            f"X has rows of {prod(layout.shape)} numbers, which do not give the shape of an image. "
            "Set image_shape, such as (1, 28, 28), or give X the shape (n, height, width)."
        )
    if min(sizes) < 2:
        raise ValueError(
            f"Images of {' x '.join(map(str, sizes))} pixels cannot be deformed. At least 2 pixels "
            "are wanted along every axis."
        )


def plan_atlas(estimator: BaseDeformation, n_atlases: int = 1) -> AtlasArchitecture:
    """Return the plan of encoder and atlases, or raise ValueError if images are too small."""
    check_sizes(estimator._layout)
    return AtlasArchitecture(
        layout=estimator._layout,
        hidden_channels=check_hidden_channels(estimator.hidden_channels),
        n_components=int(estimator.n_components),
        is_posed=bool(estimator.affine),
        integrator=str(estimator.integrator),
        spacing=int(estimator.control_spacing),
        alpha=float(estimator.alpha),
        gamma=float(estimator.gamma),
        power=float(estimator.power),
        n_atlases=n_atlases,
    )


@dataclass(frozen=True)
class Deform:
    """Makes the objective of deformations: similarity, energy and mean displacement.

    Attributes
    ----------
    similarity : Term
    regularization : float
    centering : float
        Weight of the mean displacement; 0 for none.
    n_classes : int
        If displacements are centred class by class, the number of classes; else 0.
    """

    similarity: Any
    regularization: float
    centering: float
    n_classes: int = 0

    def __call__(self, network: nn.Module, n_rows: int) -> Objective:
        """Return the terms of a network."""
        return Objective(self.terms())

    def terms(self) -> dict[str, Term]:
        """Return the terms that depend on deformations, by name."""
        terms: dict[str, Term] = {"similarity": self.similarity}
        if self.regularization > 0:
            terms["regularization"] = DeformationEnergy(self.regularization)
        if self.centering > 0:
            terms["center_atlas"] = self._make_centering()
        return terms

    def _make_centering(self) -> Term:
        if self.n_classes:
            return MeanDisplacementOfClasses(self.centering, self.n_classes)
        return MeanDisplacement(self.centering)


def plan_deformation(estimator: Any, problem: Problem, n_classes: int = 0) -> Deform:
    """Return the objective that an estimator's parameters ask for."""
    centering = CENTERING / max(estimator._layout.spatial) ** 2 if estimator.center_atlas else 0.0
    return Deform(problem.link, estimator.regularization, centering, n_classes)


@dataclass(frozen=True)
class AtlasStart:
    """Sets the atlas to the mean of the training images.

    Attributes
    ----------
    problem : Problem
    layout : ImageLayout
    """

    problem: Problem
    layout: ImageLayout

    def __call__(self, module: Any, random_state: np.random.RandomState) -> None:
        """Set the network. The mean image is no optimum of the loss, so there is no baseline."""
        # one row (1, n_features) -> one atlas (1, n_channels, *sizes), also for several atlases
        mean = self.problem.units.enter(mean_of_training_rows(self.problem)[None])
        module.decoder.set_base_(self.layout.unflatten(torch.from_numpy(mean)))


def mean_of_training_rows(problem: Problem) -> NDArray[np.float64]:
    """Return the mean of the training rows, in all blocks if there are blocks: (n_features,)."""
    seen = problem.summaries.seen
    if isinstance(seen, Features):
        return seen.base.leave(seen.train.mean, np.float64)
    return problem.target[problem.train].mean(axis=0, dtype=np.float64)
