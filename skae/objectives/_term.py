"""The contract of terms, whose sum is minimised."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from skae.objectives._outputs import Outputs

Gradients = dict[str, Tensor]
"""Gradients of a loss by a network's outputs, by the name of the field."""
ReadT = TypeVar("ReadT", bound=Outputs, contravariant=True)
"""The outputs that a term can read."""
Average = Callable[[Tensor], tuple[Tensor, int]]
"""Maps values, shape (n_rows, n), to means over all rows of a batch and the number of these."""
Gather = Callable[[Tensor], Tensor]
"""Maps values, shape (n_rows, ...), to those of all rows of a batch, (n_rows_of_all, ...)."""


def average(values: Tensor) -> tuple[Tensor, int]:
    """Return the means over the rows, and their number."""
    return values.mean(0), len(values)


def gather(values: Tensor) -> Tensor:
    """Return the values: there are no rows elsewhere."""
    return values


class Term(ABC, Generic[ReadT]):
    """Abstract base of terms: losses, and penalties beside them."""

    reads: ClassVar[tuple[str, ...]]
    """Fields of the network's outputs that the term needs."""
    sees_outputs_only: ClassVar[bool] = False
    """Whether its gradient reaches the parameters through the fields in `reads` alone, or is added
    to the parameters' gradients by `differentiate`. If not, networks are trained by autograd."""
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
    """Returns means over the rows of all processes, given values of this process's rows."""
    gather: Gather = staticmethod(gather)
    """Returns the rows of all processes, given this process's rows.

    For values that are not functions of means, such as distances between pairs of rows. The order
    of the returned rows is the same in all processes.
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

        Called if `sees_outputs_only` is True. Found by autograd, unless a term overrides it.
        """
        # numbers of classes, say, have no gradient
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
        """Return the attributes that depend on earlier batches, by name."""
        return {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Set the attributes that `state_dict` returned."""
        vars(self).update({name: state[name] for name in self.state_dict()})

    def weight(self, progress: float) -> float:
        """Return the factor of the term's gradient at this share, in [0, 1], of training."""
        return 1.0
