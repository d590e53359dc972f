"""The contract of steps, which learn from one batch at a time."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skae.engine._batch import Batch
from skae.engine._checkpoint import StateDict

State = list[Tensor]
"""Copies of the parameters."""
Losses = dict[str, Tensor]
"""The value of every term for each row of a batch, shape (n,), by the term's name."""
Objective = Callable[[Any, Tensor], Losses]
"""Maps a network's outputs, of whichever type these are, and a target to losses."""


class Step(ABC):
    """Abstract base of steps: they learn from a batch, or evaluate it."""

    @abstractmethod
    def update(self, batch: Batch) -> Losses:
        """Take a gradient step; return the losses before it that are judged."""

    @abstractmethod
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses that are judged; nothing is learned."""

    @abstractmethod
    def state(self) -> State:
        """Return a copy of all that is learned."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Set all that is learned to a state that `state` returned."""

    @abstractmethod
    def state_dict(self) -> StateDict:
        """Return all that the next update depends on; tensors are not copied."""

    @abstractmethod
    def load_state_dict(self, state: StateDict) -> None:
        """Set the state that `state_dict` returned: the same update follows."""


class NetworkStep(Step):
    """Abstract base of the steps of a torch module.

    Parameters
    ----------
    network : nn.Module
    objective : callable
        Maps the network's outputs and a target to losses.
    """

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        self.network = network
        self.objective = objective
        # plain functions have no terms that are not judged
        self._judge: Objective = getattr(objective, "judge", objective)

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses that are judged; nothing is learned."""
        return self._measure(batch)

    def state(self) -> State:
        """Return a copy of the parameters."""
        return [parameter.detach().clone() for parameter in self.network.parameters()]

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Set the parameters."""
        for parameter, value in zip(self.network.parameters(), state, strict=True):
            parameter.copy_(value)

    def state_dict(self) -> StateDict:
        """Return the parameters and the objective's state."""
        return {
            "parameters": [parameter.detach() for parameter in self.network.parameters()],
            "objective": getattr(self.objective, "state_dict", dict)(),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Set parameters and objective to the state that `state_dict` returned."""
        NetworkStep.restore(self, state["parameters"])
        remember = getattr(self.objective, "load_state_dict", None)
        if remember is not None:  # a plain function has no state
            remember(state["objective"])

    def _measure(self, batch: Batch) -> Losses:
        return self._judge(self.network(*batch.inputs), batch.target)

    def _judged(self, losses: Losses) -> Losses:
        """Return the losses by which an epoch is judged: an adversary's, say, is not among them."""
        return {name: losses[name] for name in getattr(self.objective, "judged", losses)}
