"""The start of variational autoencoders: a linear model with the same likelihood."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skae.engine import (
    Batch,
    Batches,
    CubatureNoise,
    Noise,
    NormalNoise,
    QuasiNewtonStep,
    mean_loss,
)
from skae.networks import AroundLinear, VariationalArchitecture, VariationalAutoencoder
from skae.objectives import (
    Gaussian,
    KullbackLeibler,
    Likelihood,
    Objective,
    ReconstructionLogLikelihood,
)
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.starts._principal_axes import axes_of
from skae.starts._probabilistic_pca import probabilistic_pca
from skae.starts._regression import regress

MAX_ROWS, MAX_ENTRIES = 5_000, 10**6
"""If there is no closed form, a linear model is learnt from at most so many rows and entries."""
ROWS_PER_INPUT = 10
"""With fewer rows, the encoder of the linear model would learn them by heart."""
MAX_CODES = 4_000
"""The bound is computed with at most this many codes, but with at least two for each row."""
N_EPOCHS = 8
"""Largest number of epochs, each of twenty iterations of L-BFGS."""
TOL = 1e-4
"""The last epoch is the first that improves the loss by less than this share of it."""


@dataclass(frozen=True)
class VariationalStart:
    """Sets the affine maps and the noise of a network to a linear model of the training rows.

    Attributes
    ----------
    problem : Problem
    architecture : VariationalArchitecture
    """

    problem: Problem
    architecture: VariationalArchitecture

    def __call__(self, module: nn.Module, random_state: np.random.RandomState) -> nn.Module:
        """Set the network to a model of the training rows; return its baseline, one of all rows."""
        network = cast(VariationalAutoencoder, module)
        baseline = deepcopy(network)
        plan, problem = self.architecture, self.problem
        linear = set_linear_start(network, plan, problem, problem.train, random_state)
        set_linear_start(baseline, plan, problem, problem.all_rows, random_state, linear)
        return baseline


def set_linear_start(
    network: VariationalAutoencoder,
    architecture: VariationalArchitecture,
    problem: Problem,
    rows: NDArray,
    random_state: np.random.RandomState,
    like: VariationalAutoencoder | None = None,
) -> VariationalAutoencoder:
    """Set a variational autoencoder to a linear model, with the parameters of its likelihood.

    For normal noise of one variance, the linear model is probabilistic PCA. For any other
    likelihood, or with classes, it is the linear model with the largest evidence lower bound: with
    a noise variance for each feature, factor analysis. L-BFGS finds it, starting from probabilistic
    PCA. With too few rows for this, or more than 316 inputs, the model is probabilistic PCA itself;
    its decoder is then a regression on the codes if the likelihood is not normal.

    Parameters
    ----------
    network : VariationalAutoencoder
        Built by `architecture`, with ``linear_start=True``. Its networks return zero.
    architecture : VariationalArchitecture
    problem : Problem
    rows : array of int
        The rows to start from.
    random_state : RandomState
    like : VariationalAutoencoder, default=None
        The linear model of other rows of the same data, from which L-BFGS starts.

    Returns
    -------
    linear : VariationalAutoencoder
        The linear model.
    """
    n_components = architecture.sizes[-1]
    n_inputs = architecture.sizes[0]
    # rows are in random order: the first ones stand for the others
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
    _set_affine(network, linear, cast(Likelihood, problem.link))
    return linear


def _affine_maps(network: VariationalAutoencoder) -> tuple[AroundLinear, AroundLinear]:
    """Return the encoder and the decoder of a network with a linear start."""
    return cast(AroundLinear, network.encoder), cast(AroundLinear, network.decoder.network)


def _set_probabilistic_pca(
    linear: VariationalAutoencoder,
    problem: Problem,
    rows: NDArray,
    random_state: np.random.RandomState,
) -> None:
    """Set a linear model to probabilistic PCA, its decoder to a regression on the codes."""
    encoder, decoder = _affine_maps(linear)
    n_components = len(encoder.bias) // 2
    fixed = problem.link.fixed if isinstance(problem.link, Gaussian) else None
    pca = axes_of(problem, rows, n_components, random_state)
    start = probabilistic_pca(pca, n_components, fixed)
    link = cast(Likelihood, problem.link)
    n_features = problem.target.shape[1]
    weight, bias, scale = map(torch.from_numpy, start.decoder)
    shared = link.shared_at(start.noise_variance, n_features)
    if not link.equivariant:
        rows = rows[:MAX_ROWS]
        means = start.posterior(problem.units.enter(problem.seen[rows]))
        # the posterior's means, without the logarithms of its variances
        codes = torch.from_numpy(means[:, : weight.shape[1]])
        target = torch.from_numpy(problem.target[rows].astype(np.float64))
        weight, bias, shared = regress(link, codes, target)
        scale = torch.ones_like(bias)
    n_classes = decoder.weight.shape[1] - weight.shape[1]
    # classes have no effect: (n_out, n_components) -> (n_out, n_components + n_classes)
    weight = torch.nn.functional.pad(weight, (0, n_classes))
    encoder.set_affine_(*map(torch.from_numpy, start.posterior))
    decoder.set_affine_(weight, bias, scale)
    with torch.no_grad():
        linear.shared.copy_(shared)


def _maximise_bound(
    linear: VariationalAutoencoder,
    problem: Problem,
    rows: NDArray,
    random_state: np.random.RandomState,
) -> None:
    """Train a linear model on some rows, with noise that is drawn once: L-BFGS needs that."""
    inputs = [torch.from_numpy(problem.units.enter(problem.seen[rows]))]
    if problem.rows.beside is not None:
        inputs.append(torch.from_numpy(problem.rows.beside[rows]))
    target = inputs[0]
    if not problem.link.equivariant:
        target = torch.from_numpy(problem.target[rows].astype(np.float64))
    batch = _make_noise(linear, len(rows), random_state)(Batch(tuple(inputs), target))
    link = cast(Likelihood, problem.link)
    objective = Objective(
        {"reconstruction": ReconstructionLogLikelihood(link), "kl": KullbackLeibler()}
    )
    _descend(QuasiNewtonStep(linear, objective), batch)


def _descend(step: QuasiNewtonStep, batch: Batch) -> None:
    """Take steps while they lower the loss; undo the last step if it does not, or if it fails."""
    n_rows = len(batch.target)
    batches = Batches(batch.inputs, batch.target, torch.arange(n_rows), n_rows)
    loss = mean_loss(step, batches)
    for _ in range(N_EPOCHS):
        before, previous = step.state(), loss
        step.update(batch)
        loss = mean_loss(step, batches)
        # a step that fails has a loss of NaN, for which "loss >= previous" would be False
        if not loss < previous:
            step.restore(before)
        if not loss < previous - TOL * abs(previous):
            return


def _make_noise(
    linear: VariationalAutoencoder, n_rows: int, random_state: np.random.RandomState
) -> Noise:
    """Return cubature points, or random draws if there would be too many points."""
    width = len(_affine_maps(linear)[0].bias) // 2
    if 2 * width * n_rows <= MAX_CODES:
        return CubatureNoise(width)
    return NormalNoise(max(2, MAX_CODES // n_rows), width, torch_generator(random_state))


@torch.no_grad()
def _set_affine(
    network: VariationalAutoencoder, linear: VariationalAutoencoder, link: Likelihood
) -> None:
    """Set a network's affine maps to a linear model, and set the units of corrections to them."""
    encoder, decoder = _affine_maps(network)
    linear_encoder, linear_decoder = _affine_maps(linear)
    weight, bias = linear_encoder.affine()
    log_var = bias[len(bias) // 2 :]
    # the unit of corrections to a mean is the standard deviation of the posterior
    scale = torch.cat([(log_var / 2).exp(), torch.ones_like(log_var)])
    encoder.set_affine_(weight, bias, scale)
    weight, bias = linear_decoder.affine()
    scale = link.spread(linear.shared).expand_as(bias)
    decoder.set_affine_(weight, bias, scale)
    network.shared.copy_(linear.shared)
