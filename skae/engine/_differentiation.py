"""Gradients of the mean loss of a batch, by autograd or written out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard

import torch
from torch import Tensor, nn

from skae.engine._batch import Batch
from skae.engine._step import Losses, Objective

Weights = Mapping[str, float]
"""Factors of the terms' gradients, by the terms' names; 1 for terms that it does not name."""
Gradients = Mapping[str, Tensor]
"""Gradients of a loss with regard to the outputs of a network, by the name of the field."""


class Pass(Protocol):
    """A network's forward and backward passes, as the engine sees them."""

    def forward(self, *inputs: Tensor) -> Any:
        """Return the network's outputs, and keep the intermediate results for `backward`."""

    def backward(self, gradients: Gradients) -> None:
        """Backpropagate gradients of the last outputs; add to those of the parameters."""


class WrittenObjective(Protocol):
    """An objective that knows its gradients with regard to the network's outputs."""

    @property
    def sees_outputs_only(self) -> bool:
        """Whether these are all of its gradients."""

    def differentiate(
        self, outputs: Any, target: Tensor, weights: Weights, share: float = 1.0
    ) -> tuple[Losses, dict[str, Tensor]]:
        """Return losses, and the gradients of a share of the weighted sum of their means."""


class Differentiation(ABC):
    """Adds the gradient of a batch's mean loss, times the batch's share, to the parameters'.

    It is called under `torch.no_grad`.
    """

    @abstractmethod
    def __call__(self, batch: Batch, weights: Weights) -> Losses:
        """Return the losses."""


class Autograd(Differentiation):
    """Gradients by torch's autograd, for any network and objective.

    Parameters
    ----------
    network : nn.Module
    objective : callable
        Maps the network's outputs and a target to losses.
    precision : torch.dtype, default=torch.float32
        The precision of matrix products and convolutions. With bfloat16, weights and losses stay in
        float32.
    """

    def __init__(
        self, network: nn.Module, objective: Objective, precision: torch.dtype = torch.float32
    ) -> None:
        self.network = network
        self.objective = objective
        self.precision = precision

    def __call__(self, batch: Batch, weights: Weights) -> Losses:
        """Record the forward pass and replay it backward; return the losses."""
        with torch.enable_grad():
            losses = self.objective(self._outputs(batch), batch.target)
            # a batch without rows has the mean 0, where loss.mean() would be NaN
            means = [
                batch.share * weights.get(name, 1.0) * loss.sum() / max(1, len(loss))
                for name, loss in losses.items()
            ]
            total = torch.stack(means).sum()
        total.backward()
        return {name: loss.detach() for name, loss in losses.items()}

    def _outputs(self, batch: Batch) -> Any:
        if self.precision != torch.bfloat16:
            return self.network(*batch.inputs)
        kind = batch.target.device.type
        # not cached: inside another autocast, rounded weights would be kept for good
        with torch.autocast(kind, torch.bfloat16, cache_enabled=False):
            outputs = self.network(*batch.inputs)
        # numbers of classes are no measurements
        return outputs._make(out.float() if out.is_floating_point() else out for out in outputs)


class WrittenOut(Differentiation):
    """Gradients that network and objective state themselves.

    The result is that of `Autograd`. The time that autograd takes to record and to replay is saved,
    which is the larger part of a step of a small network.

    Parameters
    ----------
    network : Pass
    objective : WrittenObjective
    """

    def __init__(self, network: Pass, objective: WrittenObjective) -> None:
        self.network = network
        self.objective = objective

    def __call__(self, batch: Batch, weights: Weights) -> Losses:
        """Go forward and back; return the losses."""
        outputs = self.network.forward(*batch.inputs)
        losses, gradients = self.objective.differentiate(
            outputs, batch.target, weights, batch.share
        )
        self.network.backward(gradients)
        return losses


def find_differentiation(
    network: nn.Module, objective: Objective, precision: torch.dtype | None = None
) -> Differentiation:
    """Return the fastest differentiation that network and objective allow.

    It may keep references to the parameters and their gradients: these are not to be moved.

    Parameters
    ----------
    network : nn.Module
    objective : callable
    precision : torch.dtype, default=None
        None: bfloat16 for convolutions on GPUs that have it, else float32.
    """
    is_half = precision == torch.bfloat16
    make_pass = getattr(network, "make_pass", None)
    if make_pass is not None and _is_written(objective) and not is_half:
        written = make_pass()
        if written is not None:
            return WrittenOut(written, objective)
    return Autograd(network, objective, precision or _fast_precision(network))


def _is_written(objective: object) -> TypeGuard[WrittenObjective]:
    """Whether an objective knows its whole gradient; plain functions do not."""
    return getattr(objective, "sees_outputs_only", False)


def _fast_precision(network: nn.Module) -> torch.dtype:
    """Return bfloat16 for convolutions on a GPU that computes with it, else float32."""
    device = next(network.parameters()).device
    has_convolutions = any(parameter.ndim > 2 for parameter in network.parameters())
    if device.type != "cuda" or not has_convolutions:
        return torch.float32
    with torch.cuda.device(device):
        has_half = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_half else torch.float32
