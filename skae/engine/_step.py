"""How one batch is learned."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from skae.engine._batches import Batch

State = list[Tensor]
Losses = dict[str, Tensor]
"""Of every term, its value for each row of a batch, shape (n,)."""


class Step(ABC):
    """One batch at a time: learn from it, or measure it."""

    @abstractmethod
    def update(self, batch: Batch) -> Losses:
        """Take a gradient step; return the losses before it."""

    @abstractmethod
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses; nothing is learned."""

    @abstractmethod
    def state(self) -> State:
        """Return a copy of what is learned."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Put back what `state` returned."""


class GradientStep(Step):
    """Gradients by torch's autograd, for any module and objective.

    Parameters
    ----------
    network : nn.Module
    objective : callable
        Maps the network's outputs and a target to losses.
    optimizer : torch.optim.Optimizer
    schedule : callable
        Maps the number of an update, from 0, to a share of the optimiser's learning rate.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Callable[[Any, Tensor], Losses],
        optimizer: Optimizer,
        schedule: Callable[[int], float],
    ) -> None:
        self.network = network
        self.objective = objective
        self.optimizer = optimizer
        self.schedule = schedule
        self.n_updates = 0
        self._peaks = [group["lr"] for group in optimizer.param_groups]

    def update(self, batch: Batch) -> Losses:
        """Take a gradient step; return the losses before it."""
        self._set_learning_rate()
        losses = self.objective(self.network(*batch.inputs), batch.target)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack([loss.mean() for loss in losses.values()]).sum().backward()
        self.optimizer.step()
        self.n_updates += 1
        return {name: loss.detach() for name, loss in losses.items()}

    def _set_learning_rate(self) -> None:
        factor = self.schedule(self.n_updates)
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses; nothing is learned."""
        return self.objective(self.network(*batch.inputs), batch.target)

    def state(self) -> State:
        """Return a copy of the parameters."""
        return [parameter.detach().clone() for parameter in self.network.parameters()]

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Put the parameters back."""
        for parameter, value in zip(self.network.parameters(), state, strict=True):
            parameter.copy_(value)
