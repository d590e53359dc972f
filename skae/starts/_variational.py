"""Where variational autoencoders start: the nearest linear model."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skae.engine import (
    Batch,
    Batches,
    CubatureNoise,
    Noise,
    NormalNoise,
    QuasiNewtonStep,
    mean_loss,
)
from skae.networks import VariationalArchitecture
from skae.objectives import (
    Gaussian,
    KullbackLeibler,
    Objective,
    ReconstructionLogLikelihood,
)
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.starts._principal_axes import axes_of
from skae.starts._probabilistic_pca import probabilistic_pca
from skae.starts._regression import regress

MAX_ROWS, MAX_ENTRIES = 5_000, 10**6
"""Where there is no closed form, a linear model is learnt from at most so much."""
ROWS_PER_INPUT = 10
"""With fewer rows, its encoder would learn them by heart."""
MAX_CODES = 4_000
"""Codes with which its bound is computed, if there are at least two for each row."""
N_EPOCHS = 8
"""At most so many, of twenty iterations each."""
TOL = 1e-4
"""An epoch that lowers the bound by less than this share of it is the last."""


@dataclass(frozen=True)
class VariationalStart:
    """Sets the affine maps and the noise to the nearest linear model of the training rows.

    Attributes
    ----------
    problem : Problem
    architecture : VariationalArchitecture
    """

    problem: Problem
    architecture: VariationalArchitecture

    def __call__(self, module: Any, random_state: np.random.RandomState) -> Any:
        """Set the network; return the same for all rows."""
        rival = deepcopy(module)
        plan, problem = self.architecture, self.problem
        linear = set_linear_start(module, plan, problem, problem.train, random_state)
        set_linear_start(rival, plan, problem, problem.all_rows, random_state, linear)
        return rival


def set_linear_start(
    network: Any,
    architecture: VariationalArchitecture,
    problem: Problem,
    rows: NDArray,
    random_state: np.random.RandomState,
    like: Any = None,
) -> Any:
    """Set the affine maps of a variational autoencoder, and what its likelihood shares.

    For normal noise of one variance, they are probabilistic PCA. Otherwise they are the linear
    model with the same likelihood (and classes) that has the largest evidence lower bound,
    found by L-BFGS from probabilistic PCA on: with a noise variance for each feature, factor
    analysis. Where there are too few rows for that, or more than 316 inputs, it stays at
    probabilistic PCA, with a decoder that is regressed on its codes for likelihoods that are not
    normal.

    Parameters
    ----------
    network : VariationalAutoencoder
        Built by `architecture`, with ``linear_start=True``; its networks return zero.
    architecture : VariationalArchitecture
    problem : Problem
    rows : array of int
        The rows to start from.
    random_state : RandomState
    like : VariationalAutoencoder, default=None
        The linear model of other rows of the same data, from which L-BFGS goes on.

    Returns
    -------
    linear : VariationalAutoencoder
        The linear model.
    """
    n_components = architecture.sizes[-1]
    n_inputs = architecture.sizes[0]
    enough = rows[: min(MAX_ROWS, MAX_ENTRIES // n_inputs)]
    is_exact = type(problem.link) is Gaussian and problem.rows.beside is None
    is_learnt = not is_exact and len(enough) >= ROWS_PER_INPUT * n_inputs
    if like is None or not is_learnt:
        plan = replace(architecture, sizes=(architecture.sizes[0], n_components))
        linear = plan.build(torch_generator(random_state))
        _set_probabilistic_pca(linear, problem, rows, random_state)
    else:
        linear = deepcopy(like)
    if is_learnt:
        _maximise_bound(linear, problem, enough, random_state)
    _set_affine(network, linear, problem.link)
    return linear


def _set_probabilistic_pca(
    linear: Any, problem: Problem, rows: NDArray, random_state: np.random.RandomState
) -> None:
    """Set a linear model to probabilistic PCA, its decoder to regressions on the codes."""
    n_components = len(linear.encoder.bias) // 2
    fixed = problem.link.fixed if isinstance(problem.link, Gaussian) else None
    pca = axes_of(problem, rows, n_components, random_state)
    start = probabilistic_pca(pca, n_components, fixed)
    link: Any = problem.link
    n_features = problem.target.shape[1]
    weight, bias, scale = map(torch.from_numpy, start.decoder)
    shared = link.shared_at(start.noise_variance, n_features)
    if not link.equivariant:
        rows = rows[:MAX_ROWS]
        means = start.posterior(problem.units.enter(problem.seen[rows]))
        codes = torch.from_numpy(means[:, : weight.shape[1]])
        target = torch.from_numpy(problem.target[rows].astype(np.float64))
        weight, bias, shared = regress(link, codes, target)
        scale = torch.ones_like(bias)
    n_classes = linear.decoder.network.weight.shape[1] - weight.shape[1]
    weight = torch.nn.functional.pad(weight, (0, n_classes))
    linear.encoder.set_affine_(*map(torch.from_numpy, start.posterior))
    linear.decoder.network.set_affine_(weight, bias, scale)
    with torch.no_grad():
        linear.shared.copy_(shared)


def _maximise_bound(
    linear: Any, problem: Problem, rows: NDArray, random_state: np.random.RandomState
) -> None:
    """Train a linear model on some rows, with the same codes' noise throughout."""
    inputs = [torch.from_numpy(problem.units.enter(problem.seen[rows]))]
    if problem.rows.beside is not None:
        inputs.append(torch.from_numpy(problem.rows.beside[rows]))
    target = inputs[0]
    if not problem.link.equivariant:
        target = torch.from_numpy(problem.target[rows].astype(np.float64))
    batch = _make_noise(linear, len(rows), random_state)(Batch(tuple(inputs), target))
    link: Any = problem.link
    objective = Objective(
        {"reconstruction": ReconstructionLogLikelihood(link), "kl": KullbackLeibler()}
    )
    _descend(QuasiNewtonStep(linear, objective), batch)


def _descend(step: QuasiNewtonStep, batch: Batch) -> None:
    """Take steps as long as they help; one that does not, or fails, is taken back."""
    n_rows = len(batch.target)
    batches = Batches(batch.inputs, batch.target, torch.arange(n_rows), n_rows)
    loss = mean_loss(step, batches)
    for _ in range(N_EPOCHS):
        before, previous = step.state(), loss
        step.update(batch)
        loss = mean_loss(step, batches)
        if not loss < previous:
            step.restore(before)
        if not loss < previous - TOL * abs(previous):
            return


def _make_noise(linear: Any, n_rows: int, random_state: np.random.RandomState) -> Noise:
    """Return points with which expectations are exact, or draws if these would be too many."""
    width = len(linear.encoder.bias) // 2
    if 2 * width * n_rows <= MAX_CODES:
        return CubatureNoise(width)
    return NormalNoise(max(2, MAX_CODES // n_rows), width, torch_generator(random_state))


@torch.no_grad()
def _set_affine(network: Any, linear: Any, link: Any) -> None:
    """Set the affine maps of a network to those of a linear one, and the units of the rest."""
    weight, bias = linear.encoder.affine()
    log_var = bias[len(bias) // 2 :]
    # a correction of a mean is measured in posterior deviations
    scale = torch.cat([(log_var / 2).exp(), torch.ones_like(log_var)])
    network.encoder.set_affine_(weight, bias, scale)
    weight, bias = linear.decoder.network.affine()
    scale = link.spread(linear.shared).expand_as(bias)
    network.decoder.network.set_affine_(weight, bias, scale)
    network.shared.copy_(linear.shared)
