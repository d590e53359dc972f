"""First-order optimisation."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from skae.engine._adamw import AdamW, FlatParameters
from skae.engine._average import Average
from skae.engine._batch import Batch
from skae.engine._checkpoint import StateDict
from skae.engine._differentiation import Weights, find_differentiation
from skae.engine._peers import ALONE, Peers
from skae.engine._schedule import Schedule
from skae.engine._step import Losses, NetworkStep, Objective, State

ROUNDING = 100
"""Gradients below so many times the rounding error of the largest one are taken for zero."""


class GradientStep(NetworkStep):
    """One step of AdamW for each batch (Loshchilov and Hutter 2019).

    Gradients are written out if network and objective have them so, and else found by autograd.

    Parameters
    ----------
    network : nn.Module
    objective : callable
        Maps the network's outputs and a target to losses.
    learning_rate : float
        The largest learning rate of the schedule.
    schedule : Schedule
        The learning rate at every update, as a share of the largest one.
    weight_decay : float, default=0.0
        Matrices are multiplied by ``exp(-weight_decay)`` over the whole schedule, in as many
        steps as it has, so that their number does not change the total.
    weights : callable, default=None
        Maps the share of training that is done to the factors of the terms' gradients.
    precision : torch.dtype, default=None
        The precision of matrix products and convolutions, for parameters in float32; see
        `find_differentiation`.
    peers : Peers, default=ALONE
        The processes that take the same steps. Gradients are means over the rows of all.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        learning_rate: float,
        schedule: Schedule,
        weight_decay: float = 0.0,
        weights: Callable[[float], Weights] | None = None,
        precision: torch.dtype | None = None,
        peers: Peers = ALONE,
    ) -> None:
        super().__init__(network, objective)
        self.peers = peers
        self.weights = weights
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay / max(1.0, schedule.total)
        self.n_updates = 0
        self._flat = FlatParameters(network)
        self._adamw = AdamW(self._flat, self.weight_decay > 0)
        self._average = self._make_average()
        # last, as it may keep references to the parameters, which have been moved above
        self._differentiate = find_differentiation(network, objective, precision)

    @torch.no_grad()
    def update(self, batch: Batch) -> Losses:
        """Take a gradient step; return the losses before it that are judged."""
        progress = self.n_updates / self.schedule.n_updates
        self._flat.gradients.zero_()
        weights = {} if self.weights is None else self.weights(progress)
        losses = self._differentiate(batch, weights)
        self.peers.add_(self._flat.gradients)
        # Adam's first step alone is as long for rounding errors as for gradients
        if self.n_updates == 0:
            _drop_rounding_(self._flat.gradients)
        factor = self.schedule(self.n_updates)
        self._adamw.descend(self.learning_rate * factor, self.weight_decay * factor)
        self.n_updates += 1
        if self._average is not None:
            self._average.update()
        return self._judged(losses)

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses that are judged, at averaged weights if the schedule averages them."""
        with self._shown():
            return super().evaluate(batch)

    def state(self) -> State:
        """Return a copy of the parameters, averaged if the schedule averages them."""
        with self._shown():
            return super().state()

    def restore(self, state: State) -> None:
        """Set the parameters to a state, and begin a new average."""
        super().restore(state)
        self._average = self._make_average()

    def state_dict(self) -> StateDict:
        """Return the parameters and the state of the optimiser."""
        average = {} if self._average is None else self._average.state_dict()
        of_updates = {"n_updates": self.n_updates, "adamw": self._adamw.state_dict()}
        return super().state_dict() | of_updates | {"average": average}

    @torch.no_grad()
    def load_state_dict(self, state: StateDict) -> None:
        """Set parameters and optimiser to the state that `state_dict` returned."""
        super().load_state_dict(state)
        self.n_updates = state["n_updates"]
        self._adamw.load_state_dict(state["adamw"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def _make_average(self) -> Average | None:
        """Return the running mean of the weights, or None if the schedule does not average them."""
        n_updates = self.schedule.averaged * self.schedule.n_updates
        return Average(self._flat.values, n_updates) if n_updates > 0 else None

    def _shown(self) -> AbstractContextManager[None]:
        """Return a context in which the network has the weights that are evaluated and kept."""
        return nullcontext() if self._average is None else self._average.shown()


def _drop_rounding_(gradients: Tensor) -> None:
    """Set gradients to zero that are rounding errors.

    At the linear optimum, the gradients of whole layers are: codes cannot explain anything of the
    error that is left. Adam's first step is as long for small gradients as for large ones. It would
    follow the rounding errors, which are different ones on every machine.
    """
    bound = ROUNDING * torch.finfo(gradients.dtype).eps * gradients.abs().max()
    gradients[gradients.abs() < bound] = 0
