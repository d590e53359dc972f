"""The start of a sparse autoencoder: its atoms are training rows."""

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skae.rows._problem import Problem
from skae.starts._principal_axes import axes_of

MAX_AXES = 500
"""Rows are whitened along at most this many principal axes."""
RIDGE = 0.05
"""Share of the largest standard deviation that is added to each before rows are divided by it."""


class AtomNetwork(Protocol):
    """A network with atoms."""

    bias: Tensor

    def set_atoms_(self, atoms: Tensor) -> None:
        """Set the atoms, shape (n_components, n_features)."""


@dataclass(frozen=True)
class AtomStart:
    """Sets the atoms of a sparse coder to whitened training rows.

    Attributes
    ----------
    problem : Problem
    """

    problem: Problem

    def __call__(self, module: nn.Module, random_state: np.random.RandomState) -> None:
        """Set the atoms. There is no baseline, as these atoms are no optimum of all rows."""
        network = cast(AtomNetwork, module)
        atoms = data_atoms(self.problem, len(network.bias), random_state)
        network.set_atoms_(torch.from_numpy(atoms))


def data_atoms(
    problem: Problem, n_components: int, random_state: np.random.RandomState
) -> NDArray[np.float64]:
    """Return whitened training rows and, if there are too few, random directions of their span.

    Rows that are not whitened would all point along the first principal axes, and training would
    have to separate them.

    Parameters
    ----------
    problem : Problem
    n_components : int
    random_state : RandomState

    Returns
    -------
    atoms : array of shape (n_components, n_features)
        Of any norm but zero.
    """
    X, units = problem.target, problem.units
    n_axes = min(MAX_AXES, X.shape[1])
    pca = axes_of(problem, problem.train, n_axes, random_state)
    chosen = random_state.permutation(problem.train)[:n_components]
    # equal atoms would have equal gradients and stay equal; sorted, to keep the random order
    chosen = chosen[np.sort(np.unique(X[chosen], axis=0, return_index=True)[1])]
    coordinates = random_state.normal(size=(n_components, len(pca.axes)))
    deviations = np.sqrt(pca.variances)
    if len(pca.axes):
        # (n_chosen, n_features) -> (n_chosen, n_axes)
        whitened = (units.enter(X[chosen]) - pca.mean) @ pca.axes.T
        coordinates[: len(chosen)] = whitened / (deviations + RIDGE * deviations[0])
    atoms = coordinates @ pca.axes
    # a row at the mean has no direction
    empty = np.linalg.norm(atoms, axis=1) < 1e-6
    atoms[empty] = random_state.normal(size=(empty.sum(), X.shape[1]))
    return atoms
