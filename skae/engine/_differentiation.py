"""Gradients of the mean loss of a batch: by autograd, or written out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard

import torch
from torch import Tensor, nn

from skae.engine._batch import Batch
from skae.engine._step import Losses, Objective

Weights = Mapping[str, float]
"""Factors of the gradients of terms, by name; terms that are not in it count once."""
Gradients = Mapping[str, Tensor]
"""Gradients of a loss with regard to the outputs of a network, by the name of the field."""


class Pass(Protocol):
    """A network's forward and backward, as the engine sees them."""

    def forward(self, *inputs: Tensor) -> Any:
        """Return the network's outputs, and keep what `backward` needs."""

    def backward(self, gradients: Gradients) -> None:
        """Add to the parameters' gradients what those of the last outputs cause."""


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
    """Adds the gradient of the mean loss of a batch, its share of it, to that of the parameters.

    It is called where nothing is recorded.
    """

    @abstractmethod
    def __call__(self, batch: Batch, weights: Weights) -> Losses:
        """Return the losses."""


class Autograd(Differentiation):
    """For any network and objective.

    Parameters
    ----------
    network : nn.Module
    objective : callable
        Maps the network's outputs and a target to losses.
    precision : torch.dtype, default=torch.float32
        Of matrix products and convolutions. With bfloat16, weights and losses stay in float32.
    """

    def __init__(
        self, network: nn.Module, objective: Objective, precision: torch.dtype = torch.float32
    ) -> None:
        self.network = network
        self.objective = objective
        self.precision = precision

    def __call__(self, batch: Batch, weights: Weights) -> Losses:
        """Record the way forward, replay it backward."""
        with torch.enable_grad():
            losses = self.objective(self._outputs(batch), batch.target)
            # a batch without rows has the mean 0
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
    """For networks and objectives that know their gradients.

    What `Autograd` computes, without the time it takes to record and to replay: of a small
    network's step that is the larger part.

    Parameters
    ----------
    network : Pass
    objective : WrittenObjective
    """

    def __init__(self, network: Pass, objective: WrittenObjective) -> None:
        self.network = network
        self.objective = objective

    def __call__(self, batch: Batch, weights: Weights) -> Losses:
        """Go forward and back."""
        outputs = self.network.forward(*batch.inputs)
        losses, gradients = self.objective.differentiate(
            outputs, batch.target, weights, batch.share
        )
        self.network.backward(gradients)
        return losses


def find_differentiation(
    network: nn.Module, objective: Objective, precision: torch.dtype | None = None
) -> Differentiation:
    """Return the fastest way that a network and an objective allow.

    It may hold on to the parameters and their gradients where they lie.

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
