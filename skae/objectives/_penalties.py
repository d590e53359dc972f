"""Penalties on weights and on codes."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from skae.objectives._outputs import Outputs, WithInput
from skae.objectives._term import Gradients, Term


class ElasticNet(Term[Outputs]):
    """``alpha * (l1_ratio * sum |w| + (1 - l1_ratio) / 2 * sum w**2)``, the same for every row.

    Zou and Hastie (2005), with the names and factors of `sklearn.linear_model.ElasticNet`.

    Parameters
    ----------
    weights : sequence of Parameter
        The weight matrices that are shrunk.
    alpha : float
    l1_ratio : float in [0, 1]
    """

    reads = ()
    sees_outputs_only = True  # `differentiate` adds to the weights' gradients itself

    def __init__(self, weights: Sequence[Tensor], alpha: float, l1_ratio: float) -> None:
        self.weights = weights
        self.alpha = alpha
        self.l1_ratio = l1_ratio

    def __call__(self, outputs: Outputs, target: Tensor) -> Tensor:
        """Return the penalty, shape (n,)."""
        lasso = torch.stack([w.abs().sum() for w in self.weights]).sum()
        ridge = torch.stack([w.square().sum() for w in self.weights]).sum()
        penalty = self.alpha * (self.l1_ratio * lasso + (1 - self.l1_ratio) / 2 * ridge)
        return penalty.expand(target.shape[0])

    def differentiate(
        self, outputs: Outputs, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the penalty; add ``factor * n`` times its gradient to those of the weights."""
        # the values of all rows are the same: their sum is n times one of them
        strength = self.alpha * factor * len(target)
        for w in self.weights:
            assert w.grad is not None  # the optimiser gives every parameter one
            w.grad.add_(w.sign(), alpha=strength * self.l1_ratio)
            w.grad.add_(w, alpha=strength * (1 - self.l1_ratio))
        return self(outputs, target), {}


class Contractive(Term[WithInput]):
    """``strength * ||d code / d x||_F**2``: codes change little when rows do.

    Rifai et al. (2011), equation 3. The Jacobian is exact: one backward pass per component.

    Parameters
    ----------
    encoder : callable
        Maps (n, n_features) to (n, n_components), row by row.
    strength : float
    """

    reads = ("x",)

    def __init__(self, encoder: Callable[[Tensor], Tensor], strength: float) -> None:
        # (1, n_features) -> (1, n_components) for one row, then over all rows at once
        self.jacobian = vmap(jacrev(lambda row: encoder(row[None])[0]))
        self.strength = strength

    def __call__(self, outputs: WithInput, target: Tensor) -> Tensor:
        """Return the penalty of every row, shape (n,)."""
        # (n, n_components, n_features) -> (n,)
        return self.strength * self.jacobian(outputs.x).square().flatten(1).sum(1)
