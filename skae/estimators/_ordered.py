"""Codes that are ordered as PCA's components are: one fit serves every width."""

from collections.abc import Callable
from copy import copy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae.engine import Batch, DrawnLengths, History, SpreadLengths
from skae.estimators._base import Problem, check_count
from skae.estimators._bridge import Augmentations, as_array, as_tensor, torch_generator
from skae.estimators._deterministic import DeterministicAutoencoder
from skae.estimators._fitted import FittedNetwork
from skae.estimators._principal_axes import principal_axes
from skae.objectives import Objective, OverPrefixes

MAX_ROWS = 1000
"""Rows on which the losses at the start are measured."""
SMALLEST_SHARE = 1e-4
"""Where the start leaves over less than this share of the loss, errors count as if it left that:
codes could not change at all without harm to what is next to nothing."""
POWER = 0.75
"""A length counts by the inverse of the start's loss to this power. With 1, a share of what the
start leaves over would count the same at all lengths; in the middle ones it would reach less."""


def _has_ordered_codes(estimator: Any) -> bool:
    if estimator.ordered:
        return True
    raise AttributeError(
        f"This {type(estimator).__name__} has no order among its components. Fit it with "
        "ordered=True."
    )


class OrderableAutoencoder(DeterministicAutoencoder):
    """Abstract base of the autoencoders that have the parameter `ordered`."""

    explained_variance_ratio_: NDArray[np.float64]

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
        estimator = copy(self)
        estimator.n_components = n_components
        estimator._keep_components(int(n_components))
        return estimator

    def _keep_components(self, n_components: int) -> None:
        """Set what depends on the number of components to that of the first ones alone."""
        architecture: Any = self._network.architecture
        network = self._network.module.truncated(n_components)
        density = self.latent_density_
        self._network = FittedNetwork(architecture.narrowed(n_components), network)
        self.n_components_ = n_components
        self.explained_variance_ratio_ = self.explained_variance_ratio_[:n_components]
        self.latent_density_ = self._make_density(density.codes[:, :n_components], density.seed)

    def _find_n_components(self, problem: Problem) -> int:
        """Return how many components to fit: for a share of variance, as many as PCA needs."""
        if not self.ordered:
            if isinstance(self.n_components, float):
                raise ValueError(
                    f"n_components={self.n_components} is a share of the variance, which needs "
                    "ordered=True. Set it, or give the number of components."
                )
            return int(self.n_components)
        if self.init != "pca":
            raise ValueError(f"ordered=True needs init='pca'. Got {self.init!r} instead.")
        if not isinstance(self.n_components, float):
            return int(self.n_components)
        # exact for all axes: nothing is drawn
        all_axes = min(len(problem.train), problem.X.shape[1]), np.random.RandomState(0)
        pca = principal_axes(problem.X, problem.train, problem.units, *all_axes)
        total = pca.variances.sum() + pca.residual * problem.X.shape[1]
        return _n_needed(pca.variances / max(total, np.finfo(float).tiny), self.n_components)

    def _set_start(
        self, module: Any, problem: Problem, random_state: np.random.RandomState
    ) -> nn.Module | None:
        rival: Any = super()._set_start(module, problem, random_state)
        if self.ordered:
            rows = problem.train[:MAX_ROWS]
            seen = torch.from_numpy(problem.units.enter(problem.seen[rows]))
            target = seen if problem.link.equivariant else torch.from_numpy(problem.X[rows])
            weights = _find_weights(module, problem.link, seen, target)
            for network in (module, rival):
                network.weights.copy_(weights)
        return rival

    def _make_augmentations(
        self, problem: Problem, inputs: Tensor, random_state: np.random.RandomState
    ) -> Augmentations:
        train, held_out = super()._make_augmentations(problem, inputs, random_state)
        if not self.ordered:
            return train, held_out
        n_components = self._make_architecture(problem).sizes[-1]
        draw = DrawnLengths(n_components, torch_generator(random_state))
        return in_turn(train, draw), in_turn(held_out, SpreadLengths(n_components))

    def _make_objective(self, network: Any, link: Any, n_train: int) -> Objective:
        objective = super()._make_objective(network, link, n_train)
        if not self.ordered:
            return objective
        return Objective(objective.terms | {"loss": OverPrefixes(link)})

    def _set_fitted(
        self,
        problem: Problem,
        network: FittedNetwork,
        history: History,
        random_state: np.random.RandomState,
    ) -> None:
        super()._set_fitted(problem, network, history, random_state)
        if not self.ordered:
            return
        self.explained_variance_ratio_ = self._explain(problem.X)
        if isinstance(self.n_components, float):
            n_needed = _n_needed(self.explained_variance_ratio_, self.n_components)
            self._keep_components(n_needed)

    def _explain(self, X: NDArray) -> NDArray[np.float64]:
        """Return what share of the variance of X each component adds to those before it."""
        errors = self._in_batches(self._prefix_errors, X, self.n_components_)
        lost = errors.sum(axis=0, dtype=np.float64)
        mean, scale = X.mean(axis=0, dtype=np.float64), self._units.scale
        total = sum(
            np.square((X[rows] - mean) / scale).sum()
            for rows in gen_batches(len(X), max(1, 10**6 // X.shape[1]))
        )
        explained = 1 - lost / total if total > 0 else np.ones(self.n_components_)
        return np.diff(explained, prepend=0.0)

    def _prefix_errors(self, network: Any, X: NDArray) -> NDArray:
        """Return the squared error of every row at every length, shape (n, n_components).

        In units of the network: squares of X's own might not be numbers of X's dtype.
        """
        code = network.encoder(as_tensor(self._units.enter_as_given(X), network))
        errors = np.empty(code.shape)
        for place in range(code.shape[1]):
            lengths = torch.full((len(X), 1), place + 1, device=code.device)
            mean = as_array(self._link.mean(network.decoder(code, lengths)))
            rows = self._output_units().leave(mean, X.dtype)
            errors[:, place] = np.square((rows - X) / self._units.scale).sum(axis=1)
        return errors


def in_turn(
    first: Callable[[Batch], Batch] | None, second: Callable[[Batch], Batch]
) -> Callable[[Batch], Batch]:
    """Return what does one to a batch, if there is something, and then the other."""
    return second if first is None else lambda batch: second(first(batch))


@torch.no_grad()
def _find_weights(network: Any, link: Any, seen: Tensor, target: Tensor) -> Tensor:
    """Return what a loss counts at every length, by the start's, shape (n_components,).

    The mean over the lengths of the start's weighted loss is 1.
    """
    code = network.encoder(seen)
    errors = []
    for n_used in range(code.shape[1] + 1):
        lengths = torch.full((len(code), 1), n_used)
        raw = network.decoder(code, lengths)
        errors.append(link.elementwise(raw, target).mean())
    nothing_used, *others = errors
    # in the network's units it is about 1, but for rows that do not differ
    smallest = SMALLEST_SHARE * nothing_used.clamp(min=1e-6)
    loss = torch.stack(others).clamp(min=smallest)
    weights = loss**-POWER
    return weights / (weights * loss).mean()


def _n_needed(shares: NDArray, wanted: float) -> int:
    """Return how many components explain more than a share of the variance, as PCA has it."""
    return min(len(shares), 1 + int(np.searchsorted(shares.cumsum(), wanted, side="right")))
