"""How one batch is learned."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from skae.engine._batches import Batch
from skae.engine._flat import FlatParameters
from skae.engine._schedule import Schedule

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

    def _backward(self, batch: Batch, weights: Mapping[str, float], share: float = 1.0) -> Losses:
        """Add the gradient of the mean loss to the parameters'; return the losses.

        `weights` has factors of terms; those that are not in it count once. `share` is the
        factor of the whole, for a part of a batch.
        """
        losses = self._losses(batch)
        means = [weights.get(name, 1.0) * loss.mean() for name, loss in losses.items()]
        (share * torch.stack(means).sum()).backward()
        return {name: loss.detach() for name, loss in losses.items()}


class GradientStep(_NetworkStep):
    """One step of AdamW (Loshchilov and Hutter 2019), with gradients by autograd.

    Parameters
    ----------
    network : nn.Module
    objective : callable
        Maps the network's outputs and a target to losses.
    learning_rate : float
        Its peak.
    schedule : Schedule
        The course of the learning rate.
    weight_decay : float, default=0.0
        Matrices are multiplied by ``exp(-weight_decay)`` over the whole schedule, in as many
        steps as it has, so that their number does not change the total.
    weights : callable, default=None
        Maps the share of training that is done to factors of the terms' gradients, by name.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Callable[[Any, Tensor], Losses],
        learning_rate: float,
        schedule: Schedule,
        weight_decay: float = 0.0,
        weights: Callable[[float], Mapping[str, float]] | None = None,
    ) -> None:
        super().__init__(network, objective)
        self.weights = weights
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay / max(1.0, schedule.total)
        self.n_updates = 0
        self._flat = FlatParameters(network)
        self._optimizer = torch.optim.Adam(
            [self._flat.values], fused=self._flat.values.device.type != "mps"
        )

    def update(self, batch: Batch) -> Losses:
        """Take a gradient step; return the losses before it."""
        self._flat.gradients.zero_()
        progress = self.n_updates / self.schedule.n_updates
        losses = self._backward(batch, {} if self.weights is None else self.weights(progress))
        factor = self.schedule(self.n_updates)
        self._flat.matrices.mul_(1 - self.weight_decay * factor)
        self._optimizer.param_groups[0]["lr"] = self.learning_rate * factor
        self._optimizer.step()
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
    rows_at_once : int
        Rows go through the network in parts of this size, which bounds the memory.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Callable[[Any, Tensor], Losses],
        rows_at_once: int = 10**9,
    ) -> None:
        super().__init__(network, objective)
        self.rows_at_once = rows_at_once
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
            self.optimizer.zero_grad()
            n_rows = len(batch.target)
            losses = _join(
                self._backward(part, {}, len(part.target) / n_rows)
                for part in batch.split(self.rows_at_once)
            )
            first.append(losses)
            return torch.stack([loss.mean() for loss in losses.values()]).sum()

        self.optimizer.step(closure)
        return first[0]

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses; nothing is learned."""
        return _join(self._losses(part) for part in batch.split(self.rows_at_once))


def _join(parts: Iterable[Losses]) -> Losses:
    """Return the losses of a batch from those of its parts."""
    parts = list(parts)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
