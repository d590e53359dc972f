"""The contract of everything that is minimised."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from skae.objectives._outputs import Outputs

Gradients = dict[str, Tensor]
"""Gradients with regard to a network's outputs, by the name of the field."""
ReadT = TypeVar("ReadT", bound=Outputs, contravariant=True)
"""The outputs that a term can read."""
Average = Callable[[Tensor], tuple[Tensor, int]]
"""From values of shape (n_rows, n) to means over all rows of a batch, and the number of these."""
Gather = Callable[[Tensor], Tensor]
"""From values of shape (n_rows, ...) to those of all rows of a batch, (n_rows_of_all, ...)."""


def average(values: Tensor) -> tuple[Tensor, int]:
    """Return the means over rows, and how many rows there are."""
    return values.mean(0), len(values)


def gather(values: Tensor) -> Tensor:
    """Return the rows themselves, which are all that there are."""
    return values


class Term(ABC, Generic[ReadT]):
    """One thing that is minimised."""

    reads: ClassVar[tuple[str, ...]]
    """Fields of the network's outputs that the term needs."""
    sees_outputs_only: ClassVar[bool] = False
    """Whether its gradient reaches parameters by way of the network's outputs alone, or is
    added to theirs by `differentiate`. Otherwise only autograd can follow it."""
    is_judged: ClassVar[bool] = True
    """Whether its value is part of the loss that is reported, and by which an epoch is chosen.

    Otherwise the network learns from its gradient alone: the value of an adversary's term, which
    the network plays against, says nothing of how good an epoch is.
    """
    sees_batch: ClassVar[bool] = False
    """Whether it depends on more rows of a batch than one, by `average` and `gather` alone.

    Such a term has the same value for every row of a batch, or one in which only the term's own row
    has a gradient. Other values have the right gradient in a single process alone.
    """
    average: Average = staticmethod(average)
    """Sees the rows that other processes have of a batch as well."""
    gather: Gather = staticmethod(gather)
    """Sees them one by one, for values that are no functions of means, such as distances of pairs.

    ``term.gather(outputs.code)`` has the rows of all processes in the same order for all of them.
    """

    @abstractmethod
    def __call__(self, outputs: ReadT, target: Tensor) -> Tensor:
        """Return one value per row, shape (n,)."""

    def shape_refusal(self, outputs: ReadT, target: Tensor) -> str | None:
        """Return why the shapes of outputs and target do not fit, or None if they do.

        Asked once, at the first batch: terms in which tensors of other shapes would be broadcast
        need no check at every call. The text follows the name of the term, as in "needs outputs of
        shape (5, 3)", without a full stop.
        """
        return None

    def differentiate(
        self, outputs: ReadT, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the values, shape (n,), and the gradients of ``factor`` times their sum.

        For terms that see outputs only. By autograd, unless a term knows better.
        """
        fields = [name for name in self.reads if getattr(outputs, name).is_floating_point()]
        with torch.enable_grad():
            leaves = {name: getattr(outputs, name).detach().requires_grad_() for name in fields}
            values = self(outputs._replace(**leaves), target)
            total = factor * values.sum()
        if not total.requires_grad:
            return values, {}
        gradients = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
        return values.detach(), dict(zip(fields, gradients, strict=True))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the attributes in which the term remembers earlier batches."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Remember what `state_dict` returned."""
        vars(self).update({name: state[name] for name in self.state_dict()})

    def weight(self, progress: float) -> float:
        """Return the factor of the term's gradient at this share, in [0, 1], of training."""
        return 1.0
