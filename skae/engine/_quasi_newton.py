"""Quasi-Newton optimisation, for few parameters."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from skae.engine._batch import Batch
from skae.engine._checkpoint import StateDict
from skae.engine._step import Losses, NetworkStep, Objective


class QuasiNewtonStep(NetworkStep):
    """Twenty iterations of L-BFGS on each batch (Nocedal and Wright 2006, section 7.2).

    For few parameters, and batches that hold all rows.

    Parameters
    ----------
    network : nn.Module
        Best in float64: the line search compares losses that are almost equal.
    objective : callable
        Maps the network's outputs and a target to losses.
    rows_at_once : int
        Number of rows that go through the network at a time, which bounds the memory.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
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
        """Take twenty iterations; return the losses before them that are judged."""
        first: list[Losses] = []

        def closure() -> Tensor:
            self.optimizer.zero_grad()
            n_rows = len(batch.target)
            losses = _join(
                self._backward(part, len(part.target) / n_rows)
                for part in batch.split(self.rows_at_once)
            )
            first.append(losses)
            return torch.stack([loss.mean() for loss in losses.values()]).sum()

        self.optimizer.step(closure)
        # the line search has evaluated other points after the first
        return self._judged(first[0])

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Losses:
        """Return the losses that are judged; nothing is learned."""
        return _join(self._measure(part) for part in batch.split(self.rows_at_once))

    def state_dict(self) -> StateDict:
        """Return the parameters and the state of the optimiser."""
        return super().state_dict() | {"optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: StateDict) -> None:
        """Set parameters and optimiser to the state that `state_dict` returned."""
        super().load_state_dict(state)
        self.optimizer.load_state_dict(state["optimizer"])

    def _backward(self, part: Batch, share: float) -> Losses:
        """Add the gradient of a part's mean loss, times its share; return the losses."""
        losses = self.objective(self.network(*part.inputs), part.target)
        (share * torch.stack([loss.mean() for loss in losses.values()]).sum()).backward()
        return {name: loss.detach() for name, loss in losses.items()}


def _join(parts: Iterable[Losses]) -> Losses:
    """Return the losses of a batch, given those of its parts."""
    parts = list(parts)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
