"""Codes that are ordered as PCA's components are: one fit serves every width."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import gen_batches
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae.engine import MAX_PREFIXES, DrawnLengths, SpreadLengths
from skae.fitting._application import as_array, as_tensor, in_batches
from skae.fitting._fitted import FittedNetwork
from skae.fitting._loaders import MAX_BATCH
from skae.fitting._recipe import MakeObjective, Recipe, Start
from skae.latent import Density, LatentDensity
from skae.objectives import Objective, OverPrefixes
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.rows._units import Units
from skae.rows._validation import check_count
from skae.starts._principal_axes import axes_of

MAX_ROWS, MAX_ENTRIES = 1000, 2**22
"""Rows on which the losses at the start are measured, and their entries."""
MAX_EXPLAINED = 10_000
"""Rows on which the share of variance that each component explains is measured."""
SMALLEST_SHARE = 1e-4
"""Where the start leaves over less than this share of the loss, errors count as if it left that:
codes could not change at all without harm to what is next to nothing."""
POWER = 0.75
"""A length counts by the inverse of the start's loss to this power. With 1, a share of what the
start leaves over would count the same at all lengths; in the middle ones it would reach less."""


def _has_ordered_codes(estimator: Any) -> bool:
    is_fitted = hasattr(estimator, "_network")
    if estimator._network.architecture.ordered if is_fitted else estimator.ordered:
        return True
    raise AttributeError(
        f"This {type(estimator).__name__} has no order among its components. Fit it with "
        "ordered=True."
    )


class OrderedCodesMixin:
    """Methods of the autoencoders that have the parameter `ordered`."""

    explained_variance_ratio_: NDArray[np.float64]
    ordered: bool
    n_components: int | float
    n_components_: int
    latent_density: str | Density
    latent_density_: Any
    _network: FittedNetwork
    _units: Units
    _link: Any

    @available_if(_has_ordered_codes)
    def truncate(self, n_components: int) -> Self:
        """Return an estimator with the first components alone.

        Nothing is fitted again: codes are the first columns of this estimator's, and they are
        decoded as codes of that length were in training.

        Parameters
        ----------
        n_components : int
            From 1 to the number of components there are.

        Returns
        -------
        estimator : object
            A fitted estimator of the same class; this one stays as it is.

        Raises
        ------
        ValueError
            If there are not so many components.
        """
        check_is_fitted(self)
        check_count("n_components", n_components)
        if n_components > self.n_components_:
            raise ValueError(
                f"n_components={n_components} must be at most {self.n_components_}, the number "
                f"of components of this {type(self).__name__}."
            )
        estimator = clone(self).set_params(n_components=n_components)
        fitted = {k: v for k, v in self.__dict__.items() if k not in estimator.__dict__}
        # these are replaced, not changed
        replaced = {name: fitted.pop(name) for name in ("_network", "latent_density_")}
        estimator.__dict__.update(deepcopy(fitted) | replaced)
        estimator._keep_components(int(n_components))
        return estimator

    def _keep_order(self, problem: Problem) -> list[Warning]:
        """Set what each component explains; for a share of variance, keep as many as it takes."""
        if not self.ordered:
            self.__dict__.pop("explained_variance_ratio_", None)
            return []
        # in random order, the first rows stand for all
        rows = problem.all_rows[:MAX_EXPLAINED]
        self.explained_variance_ratio_ = explain(self, problem.target[rows])
        if not isinstance(self.n_components, float):
            return []
        self._keep_components(_n_needed(self.explained_variance_ratio_, self.n_components))
        explained = self.explained_variance_ratio_.sum()
        if explained > self.n_components:
            return []
        return [
            UserWarning(
                f"{self.n_components_} components, which PCA needs for n_components="
                f"{self.n_components}, explain {explained:.3g} of the variance. All are kept."
            )
        ]

    def _keep_components(self, n_components: int) -> None:
        """Set what depends on the number of components to that of the first ones alone."""
        architecture: Any = self._network.architecture
        network = self._network.module.truncated(n_components)
        density = self.latent_density_
        self._network = FittedNetwork(architecture.narrowed(n_components), network)
        self.__dict__.pop("_optimizer_state", None)
        self.n_components_ = n_components
        self.explained_variance_ratio_ = self.explained_variance_ratio_[:n_components]
        codes = density.codes[:, :n_components]
        self.latent_density_ = LatentDensity(self.latent_density, codes, density.seed)


def choose_n_components(estimator: Any, problem: Problem) -> int:
    """Return how many components to fit: for a share of variance, as many as PCA needs."""
    n_components = estimator.n_components
    if not estimator.ordered:
        if isinstance(n_components, float):
            raise ValueError(
                f"n_components={n_components} is a share of the variance, which needs "
                "ordered=True. Set it, or give the number of components."
            )
        return int(n_components)
    if estimator.init != "pca":
        raise ValueError(f"ordered=True needs init='pca'. Got {estimator.init!r} instead.")
    if not isinstance(n_components, float):
        return int(n_components)
    if estimator.warm_start is not False:
        raise ValueError(
            f"warm_start goes on with the components there are, but n_components="
            f"{n_components} is a share of the variance. Give their number."
        )
    # PCA of the training rows is where to start, and that of all rows may be the result
    counts = [_n_axes_needed(problem, rows, n_components) for rows in _both(problem)]
    return problem.peers.broadcast(max(counts))


def _both(problem: Problem) -> tuple[NDArray, NDArray]:
    return problem.train, problem.all_rows


def _n_axes_needed(problem: Problem, rows: NDArray, share: float) -> int:
    """Return how many principal axes of some rows explain the share of their variance."""
    n_features = problem.target.shape[1]
    # exact for all axes: nothing is drawn
    all_axes = min(len(rows), n_features), np.random.RandomState(0)
    pca = axes_of(problem, rows, *all_axes)
    total = pca.variances.sum() + pca.residual * n_features
    return _n_needed(pca.variances / max(total, np.finfo(float).tiny), share)


def ordered(recipe: Recipe, problem: Problem, random_state: np.random.RandomState) -> Recipe:
    """Return the recipe with codes that are decoded from a drawn number of their first entries.

    Its architecture is one whose decoder takes prefixes of codes (`PrefixDecoder`).
    """
    n_components, width = recipe.architecture.sizes[-1], recipe.widest
    draw = DrawnLengths(n_components, torch_generator(random_state))
    spread = SpreadLengths(n_components, min(MAX_PREFIXES, MAX_BATCH // width))
    return replace(
        recipe,
        changes=recipe.changes.then(draw, spread),
        objective=AtAllLengths(recipe.objective, problem.link),
        start=OrderedStart(recipe.start, problem),
    )


@dataclass(frozen=True)
class AtAllLengths:
    """Makes an objective whose reconstruction loss is weighted by the length of codes.

    Attributes
    ----------
    objective : MakeObjective
    loss : ReconstructionLoss
    """

    objective: MakeObjective
    loss: Any

    def __call__(self, network: nn.Module, n_rows: int) -> Objective:
        """Return the terms of a network."""
        terms = self.objective(network, n_rows).terms
        return Objective(terms | {"loss": OverPrefixes(self.loss)})


@dataclass(frozen=True)
class OrderedStart:
    """Sets the weights of lengths after the start of a network.

    Attributes
    ----------
    start : Start
    problem : Problem
    """

    start: Start
    problem: Problem

    def __call__(self, module: Any, random_state: np.random.RandomState) -> Any:
        """Set the network; return the same for all rows."""
        baseline: Any = self.start(module, random_state)
        weights = compute_weights(_start_losses(module, self.problem))
        for network in (module, baseline):
            network.weights.copy_(weights)
        return baseline


def _start_losses(network: Any, problem: Problem) -> Tensor:
    """Return the mean loss of the linear start from 0, 1, ... components, in float64."""
    rows = problem.train[: min(MAX_ROWS, max(1, MAX_ENTRIES // problem.target.shape[1]))]
    link: Any = problem.link
    seen = target = torch.from_numpy(problem.units.enter(problem.seen[rows]))
    if not link.equivariant:
        target = torch.from_numpy(problem.target[rows].astype(np.float64))
    # the networks around the affine maps are zero at the start
    code, decoder = network.encoder.linear(seen), network.decoder.network
    raw = decoder.bias.expand(len(rows), -1)
    losses = [link.elementwise(raw, target).mean()]
    for column, axis in zip(code.T, decoder.weight.T, strict=False):
        # one more component: (n, n_features) plus the product of (n,) and (n_features,)
        raw = torch.addr(raw, column, axis)
        losses.append(link.elementwise(raw, target).mean())
    return torch.stack(losses)  # (n_components + 1,)


def explain(estimator: Any, X: NDArray) -> NDArray[np.float64]:
    """Return what share of the variance of X each component adds to those before it."""
    n_components, units = estimator.n_components_, estimator._units
    errors = in_batches(estimator, partial(_prefix_errors, estimator), X, n_components)
    lost = errors.sum(axis=0, dtype=np.float64)  # (n, n_components) -> (n_components,)
    mean, scale = X.mean(axis=0, dtype=np.float64), units.scale
    total = sum(
        np.square((X[rows] - mean) / scale).sum()
        for rows in gen_batches(len(X), max(1, 10**6 // X.shape[1]))
    )
    explained = 1 - lost / total if total > 0 else np.ones(n_components)
    return np.diff(explained, prepend=0.0)


def _prefix_errors(estimator: Any, network: Any, X: NDArray) -> NDArray:
    """Return the squared error of every row at every length, shape (n, n_components).

    In units of the network: squares of X's own might not be numbers of X's dtype.
    """
    units, output_units = estimator._units, estimator._output_units()
    code = network.encoder(as_tensor(units.enter_as_given(X), network))
    errors = np.empty(code.shape)
    for place in range(code.shape[1]):
        # every code is decoded from the same number of its first entries
        lengths = torch.full((len(X), 1), place + 1, device=code.device)
        mean = as_array(estimator._link.mean(network.decoder(code, lengths)))
        rows = output_units.leave(mean, X.dtype)
        errors[:, place] = np.square((rows - X) / units.scale).sum(axis=1)
    return errors


def compute_weights(losses: Tensor) -> Tensor:
    """Return the weight of a loss at every length.

    The mean over the lengths of the weighted losses of the start is 1.

    Parameters
    ----------
    losses : Tensor of shape (n_components + 1,)
        Losses of the start with 0, 1, ... components.

    Returns
    -------
    weights : Tensor of shape (n_components,)
    """
    # in the network's units the first is about 1, but for rows that do not differ
    losses = losses[1:].clamp(min=SMALLEST_SHARE * max(float(losses[0]), 1e-6))
    weights = losses**-POWER
    return weights / (weights * losses).mean()


def _n_needed(shares: NDArray, wanted: float) -> int:
    """Return how many components explain more than a share of the variance, as PCA does."""
    # more than the share, not at least the share: scikit-learn's PCA rounds so as well
    is_enough = shares.cumsum() > wanted
    return 1 + int(np.argmax(is_enough)) if is_enough.any() else max(1, len(shares))
