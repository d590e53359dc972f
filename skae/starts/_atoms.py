"""Where the atoms of a sparse autoencoder start."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skae.rows._problem import Problem
from skae.starts._principal_axes import axes_of

MAX_AXES = 500
"""Principal axes in whose span rows are whitened."""
RIDGE = 0.05
"""Deviations along axes are raised by this share of the largest before they are divided by."""


@dataclass(frozen=True)
class AtomStart:
    """Sets the atoms of a sparse coder to whitened training rows.

    Attributes
    ----------
    problem : Problem
    """

    problem: Problem

    def __call__(self, module: Any, random_state: np.random.RandomState) -> None:
        """Set the atoms; there is no linear optimum to beat."""
        atoms = data_atoms(self.problem, len(module.bias), random_state)
        module.set_atoms_(torch.from_numpy(atoms))


def data_atoms(
    problem: Problem, n_components: int, random_state: np.random.RandomState
) -> NDArray[np.float64]:
    """Return whitened training rows, with random directions of their span where rows run out.

    Whitened, because atoms that all point along the first principal axes would have to learn
    apart.

    Parameters
    ----------
    problem : Problem
    n_components : int
    random_state : RandomState

    Returns
    -------
    atoms : array of shape (n_components, n_features)
        Not of unit norm, but none is zero.
    """
    X, units = problem.target, problem.units
    n_axes = min(MAX_AXES, X.shape[1])
    pca = axes_of(problem, problem.train, n_axes, random_state)
    chosen = random_state.permutation(problem.train)[:n_components]
    # equal atoms would have equal gradients, and stay equal
    chosen = chosen[np.sort(np.unique(X[chosen], axis=0, return_index=True)[1])]
    coordinates = random_state.normal(size=(n_components, len(pca.axes)))
    deviations = np.sqrt(pca.variances)
    if len(pca.axes):
        whitened = (units.enter(X[chosen]) - pca.mean) @ pca.axes.T
        coordinates[: len(chosen)] = whitened / (deviations + RIDGE * deviations[0])
    atoms = coordinates @ pca.axes
    empty = np.linalg.norm(atoms, axis=1) < 1e-6
    atoms[empty] = random_state.normal(size=(empty.sum(), X.shape[1]))
    return atoms
