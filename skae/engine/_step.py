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


class _NetworkStep(Step):
    """What the steps of a torch module have in common.

    Parameters
    ----------
    network : nn.Module
    objective : callable
        Maps the network's outputs and a target to losses.
    """

    def __init__(self, network: nn.Module, objective: Callable[[Any, Tensor], Losses]) -> None:
        self.network = network
        self.objective = objective

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses; nothing is learned."""
        return self._losses(batch)

    def state(self) -> State:
        """Return a copy of the parameters."""
        return [parameter.detach().clone() for parameter in self.network.parameters()]

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Put the parameters back."""
        for parameter, value in zip(self.network.parameters(), state, strict=True):
            parameter.copy_(value)

    def _losses(self, batch: Batch) -> Losses:
        return self.objective(self.network(*batch.inputs), batch.target)

    def _backward(self, batch: Batch) -> Losses:
        """Put the gradient of the mean loss into the parameters; return the losses."""
        self.network.zero_grad(set_to_none=True)
        losses = self._losses(batch)
        torch.stack([loss.mean() for loss in losses.values()]).sum().backward()
        return {name: loss.detach() for name, loss in losses.items()}


class GradientStep(_NetworkStep):
    """One step of a first-order optimiser, with gradients by autograd.

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
        super().__init__(network, objective)
        self.optimizer = optimizer
        self.schedule = schedule
        self.n_updates = 0
        self._peaks = [group["lr"] for group in optimizer.param_groups]

    def update(self, batch: Batch) -> Losses:
        """Take a gradient step; return the losses before it."""
        factor = self.schedule(self.n_updates)
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor
        losses = self._backward(batch)
        self.optimizer.step()
        self.n_updates += 1
        return losses


class QuasiNewtonStep(_NetworkStep):
    """Twenty iterations of L-BFGS (Nocedal and Wright 2006, section 7.2) on the same batch.

    For few parameters, and batches that hold all rows.

    Parameters
    ----------
    network : nn.Module
        Best in float64: the line search compares losses that are almost equal.
    objective : callable
        Maps the network's outputs and a target to losses.
    """

    def __init__(self, network: nn.Module, objective: Callable[[Any, Tensor], Losses]) -> None:
        super().__init__(network, objective)
        self.optimizer = torch.optim.LBFGS(
            list(network.parameters()),
            max_iter=20,
            history_size=20,
            tolerance_grad=1e-10,
            tolerance_change=1e-13,
            line_search_fn="strong_wolfe",
        )

    def update(self, batch: Batch) -> Losses:
        """Go downhill; return the losses before."""
        first: list[Losses] = []

        def closure() -> Tensor:
            losses = self._backward(batch)
            first.append(losses)
            return torch.stack([loss.mean() for loss in losses.values()]).sum()

        self.optimizer.step(closure)
        return first[0]
