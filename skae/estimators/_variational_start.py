"""Where variational autoencoders start: the nearest linear model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from skae.engine import (
    Batch,
    Batches,
    CubatureNoise,
    NormalNoise,
    QuasiNewtonStep,
    Stopping,
    run,
)
from skae.estimators._base import Problem
from skae.estimators._bridge import torch_generator
from skae.estimators._principal_axes import principal_axes
from skae.estimators._probabilistic_pca import ProbabilisticPCA, probabilistic_pca
from skae.estimators._regression import regress
from skae.networks import VariationalArchitecture
from skae.objectives import (
    Gaussian,
    KullbackLeibler,
    Objective,
    ReconstructionLogLikelihood,
    StudentT,
)

MAX_ROWS = 5_000
"""Rows from which a linear model is learnt where there is no closed form."""
MAX_CODES = 4_000
"""Codes with which its bound is computed, if there are at least two for each row."""
N_EPOCHS = 8
"""At most so many, of twenty iterations each."""


def set_linear_start(
    network: Any,
    architecture: VariationalArchitecture,
    problem: Problem,
    rows: NDArray,
    random_state: np.random.RandomState,
) -> None:
    """Set the affine maps of a variational autoencoder, and what its likelihood shares.

    For normal noise of one variance, they are probabilistic PCA. Otherwise they are the linear
    model with the same likelihood (and classes) that has the largest evidence lower bound,
    found by L-BFGS from probabilistic PCA on: with a noise variance for each feature, factor
    analysis.

    Parameters
    ----------
    network : VariationalAutoencoder
        Built by `architecture`, with ``linear_start=True``; its networks return zero.
    architecture : VariationalArchitecture
    problem : Problem
    rows : array of int
        The rows to start from.
    random_state : RandomState
    """
    link = problem.link
    n_components = architecture.sizes[-1]
    pca = principal_axes(problem.seen, rows, problem.units, n_components, random_state)
    fixed = link.fixed if isinstance(link, Gaussian) else None
    start = probabilistic_pca(pca, n_components, fixed)
    linear = architecture._replace(sizes=(architecture.sizes[0], n_components)).build(
        torch_generator(random_state)
    )
    rows = rows[:MAX_ROWS]
    _set_probabilistic_pca(linear, start, problem, rows)
    if problem.classes is not None or type(link) is not Gaussian:
        _maximise_bound(linear, problem, rows, random_state)
    _set_affine(network, linear, link)


def _set_probabilistic_pca(
    linear: Any, start: ProbabilisticPCA, problem: Problem, rows: NDArray
) -> None:
    """Set a linear model to probabilistic PCA, its decoder to regressions on the codes."""
    link, n_features = problem.link, problem.X.shape[1]
    weight, bias, scale = map(torch.from_numpy, start.decoder)
    shared = link.shared_at(start.noise_variance, n_features)
    if not link.equivariant:
        means = start.posterior(problem.units.enter(problem.seen[rows]))
        codes = torch.from_numpy(means[:, : weight.shape[1]])
        target = torch.from_numpy(problem.X[rows].astype(np.float64))
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
    if problem.classes is not None:
        inputs.append(torch.from_numpy(problem.classes.indicators[rows]))
    target = inputs[0]
    if not problem.link.equivariant:
        target = torch.from_numpy(problem.X[rows].astype(np.float64))
    batch = _make_noise(linear, len(rows), random_state)(Batch(tuple(inputs), target))
    batches = Batches(*batch, torch.arange(len(rows)), len(rows))
    objective = Objective(
        {"reconstruction": ReconstructionLogLikelihood(problem.link), "kl": KullbackLeibler()}
    )
    run(QuasiNewtonStep(linear, objective), batches, None, N_EPOCHS, Stopping(1, 1e-4))


def _make_noise(
    linear: Any, n_rows: int, random_state: np.random.RandomState
) -> Callable[[Batch], Batch]:
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
    scale = torch.ones_like(bias)
    if isinstance(link, Gaussian | StudentT):
        scale *= link.variance(linear.shared).sqrt()
    network.decoder.network.set_affine_(weight, bias, scale)
    network.shared.copy_(linear.shared)
