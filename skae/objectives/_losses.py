"""Reconstruction losses. Each owns its link: the decoder gives `raw`, the loss its mean."""

from abc import abstractmethod
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, huber_loss

from skae.objectives._term import Gradients, Term


class ReconstructionLoss(Term):
    """A loss between the decoder's output and the rows it should give back.

    Values are means over the features of a row, so that they do not grow with the width.
    """

    reads = ("raw",)
    equivariant: ClassVar[bool]
    """Whether the data may be shifted and rescaled without changing what is optimal.

    If not, the target is the data in their own units and `support` says which data fit.
    """
    support: ClassVar[tuple[float, float]] = (-float("inf"), float("inf"))

    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return the loss of every row, shape (n,)."""
        return self.elementwise(outputs.raw, target).flatten(1).mean(1)

    def differentiate(
        self, outputs: Any, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the loss of every row, and the gradient of ``factor`` times the sum."""
        slope = self.slope(outputs.raw, target, factor / prod(target.shape[1:]))
        return self(outputs, target), {"raw": slope}

    @abstractmethod
    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of every entry, the shape of `target`."""

    @abstractmethod
    def slope(self, raw: Tensor, target: Tensor, factor: float) -> Tensor:
        """Return `factor` times the derivative of `elementwise` by `raw`."""

    @abstractmethod
    def mean(self, raw: Tensor) -> Tensor:
        """Return the reconstruction that `raw` stands for."""


class _LocationLoss(ReconstructionLoss):
    """A function of ``raw - target``."""

    equivariant = True

    def mean(self, raw: Tensor) -> Tensor:
        """Return `raw` itself."""
        return raw


class SquaredError(_LocationLoss):
    """``(raw - target)**2``, the objective of PCA.

    On centred data of unit mean square, its mean over rows is the share of variance lost.
    """

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the squared errors."""
        return (raw - target).square()

    def differentiate(
        self, outputs: Any, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the loss of every row, and the gradient of ``factor`` times the sum."""
        n_features = prod(target.shape[1:])
        error = outputs.raw - target
        values = torch.linalg.vector_norm(error.flatten(1), dim=1).square_().div_(n_features)
        return values, {"raw": error.mul_(2 * factor / n_features)}

    def slope(self, raw: Tensor, target: Tensor, factor: float) -> Tensor:
        """Return twice the errors."""
        return (raw - target).mul_(2 * factor)


class AbsoluteError(_LocationLoss):
    """``|raw - target|``: large errors weigh less than with squares."""

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the absolute errors."""
        return (raw - target).abs()

    def slope(self, raw: Tensor, target: Tensor, factor: float) -> Tensor:
        """Return the signs of the errors."""
        return (raw - target).sign_().mul_(factor)


class Huber(_LocationLoss):
    """Half the square of errors up to 1, linear beyond (Huber 1964).

    The unit is the root-mean-square deviation of the training data.
    """

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the Huber losses."""
        return huber_loss(raw, target, reduction="none")

    def slope(self, raw: Tensor, target: Tensor, factor: float) -> Tensor:
        """Return the errors, cut off at 1."""
        return (raw - target).clamp_(-1, 1).mul_(factor)


class BinaryCrossEntropy(ReconstructionLoss):
    """``-x log p - (1 - x) log(1 - p)`` with ``p = sigmoid(raw)``, for x in [0, 1]; in nats."""

    equivariant = False
    support = (0.0, 1.0)

    def elementwise(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the cross-entropies."""
        return binary_cross_entropy_with_logits(raw, target, reduction="none")

    def slope(self, raw: Tensor, target: Tensor, factor: float) -> Tensor:
        """Return the errors of the probabilities."""
        return raw.sigmoid().sub_(target).mul_(factor)

    def mean(self, raw: Tensor) -> Tensor:
        """Return the probabilities."""
        return torch.sigmoid(raw)


LOSSES: dict[str, type[ReconstructionLoss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "binary_crossentropy": BinaryCrossEntropy,
}
