"""Reconstruction losses. Each owns its link: the decoder's `raw` becomes rows by its `mean`."""

from abc import abstractmethod
from collections.abc import Sequence
from math import inf, prod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, huber_loss

from skae.objectives._outputs import WithRaw
from skae.objectives._term import Gradients, Term

UNBOUNDED = (-inf, inf)


class ReconstructionLoss(Term[WithRaw]):
    """Abstract base of losses that compare the decoder's output with the target.

    Values are means over the features of a row, so that they do not grow with their number.
    """

    reads = ("raw",)
    sees_outputs_only = True
    equivariant: ClassVar[bool]
    """Whether the optimum stays the same if the data are shifted and rescaled.

    If not, the target is the data in their own units, with values inside `support`.
    """
    support: ClassVar[tuple[float, float]] = UNBOUNDED
    """Least and largest value that the data may have."""

    def __call__(self, outputs: WithRaw, target: Tensor) -> Tensor:
        """Return the loss of every row, shape (n,)."""
        return self.elementwise(outputs.raw, target).flatten(1).mean(1)

    def shape_refusal(self, outputs: WithRaw, target: Tensor) -> str | None:
        """Return why `raw` and `target`, which should have the same shape, do not fit."""
        raw = outputs.raw
        return None if raw.shape == target.shape else unequal_shapes(raw.shape, target.shape)

    @abstractmethod
    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of every entry, the shape of `target`."""

    @abstractmethod
    def mean(self, raw: Tensor) -> Tensor:
        """Return the reconstruction for `raw`."""

    def inputs(self, x: Tensor) -> Tensor:
        """Return the encoder's input for rows of data, which is the rows themselves."""
        return x

    def input_refusal(self, x: Tensor) -> str | None:
        """Return the reason why rows cannot be encoded and a remedy, or None if they can."""
        low, high = self.support
        if self.support == UNBOUNDED or not bool(x.min() < low or x.max() > high):
            return None
        return (
            f"needs values in [{low:g}, {high:g}], but X has values in [{x.min():.6g}, "
            f"{x.max():.6g}]. Rescale X, for example with MinMaxScaler, or use "
            "loss='squared_error'"
        )


class _LocationLoss(ReconstructionLoss):
    """Abstract base of losses that are functions of ``raw - target``."""

    equivariant = True

    def mean(self, raw: Tensor) -> Tensor:
        """Return `raw` itself."""
        return raw


class SquaredError(_LocationLoss):
    """``(raw - target)**2``, the objective of PCA.

    For centred data of unit mean square, its mean over rows is the share of variance that is lost.
    """

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the squared errors."""
        return (raw - target).square()

    def differentiate(
        self, outputs: WithRaw, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the loss of every row, and the gradient of ``factor`` times the sum."""
        error = outputs.raw - target
        # a norm needs no memory for the squares of all entries
        values = torch.linalg.vector_norm(error.flatten(1), dim=1).square_()
        return values.div_(prod(target.shape[1:])), _scaled(error, 2 * factor)


class AbsoluteError(_LocationLoss):
    """``|raw - target|``: large errors weigh less than in squared errors."""

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the absolute errors."""
        return (raw - target).abs()

    def differentiate(
        self, outputs: WithRaw, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the loss of every row, and the gradient of ``factor`` times the sum."""
        slope = (outputs.raw - target).sign_()
        return self(outputs, target), _scaled(slope, factor)


class Huber(_LocationLoss):
    """Half the square of errors up to 1, linear beyond (Huber 1964).

    Errors are in units of the training data's root-mean-square deviation.
    """

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the Huber losses."""
        return huber_loss(raw, target, reduction="none")

    def differentiate(
        self, outputs: WithRaw, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the loss of every row, and the gradient of ``factor`` times the sum."""
        slope = (outputs.raw - target).clamp_(-1, 1)
        return self(outputs, target), _scaled(slope, factor)


class BinaryCrossEntropy(ReconstructionLoss):
    """``-x log p - (1 - x) log(1 - p)`` with ``p = sigmoid(raw)``, for x in [0, 1]; in nats."""

    equivariant = False
    support = (0.0, 1.0)

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the cross-entropies."""
        return binary_cross_entropy_with_logits(raw, target, reduction="none")

    def differentiate(
        self, outputs: WithRaw, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the loss of every row, and the gradient of ``factor`` times the sum."""
        slope = outputs.raw.sigmoid().sub_(target)
        return self(outputs, target), _scaled(slope, factor)

    def mean(self, raw: Tensor) -> Tensor:
        """Return the probabilities."""
        return torch.sigmoid(raw)


def unequal_shapes(found: Sequence[int], wanted: Sequence[int]) -> str:
    """Return the message for a decoder's output that does not have the shape of the target."""
    return (
        f"compares the decoder's output with the target, entry by entry, but raw has shape "
        f"{tuple(found)} where {tuple(wanted)} is needed. Have the decoder return rows as wide as "
        "those it is compared with"
    )


def _scaled(slope: Tensor, factor: float) -> Gradients:
    """Return the gradient by raw, given that of the sum over all entries, which is overwritten."""
    return {"raw": slope.mul_(factor / prod(slope.shape[1:]))}


LOSSES: dict[str, type[ReconstructionLoss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "binary_crossentropy": BinaryCrossEntropy,
}
