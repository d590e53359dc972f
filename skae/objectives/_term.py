"""The contract of everything that is minimised."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
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


def average(values: Tensor) -> tuple[Tensor, int]:
    """Return the means over rows, and how many rows there are."""
    return values.mean(0), len(values)


class Term(ABC, Generic[ReadT]):
    """One thing that is minimised."""

    reads: ClassVar[tuple[str, ...]]
    """Fields of the network's outputs that the term needs."""
    sees_outputs_only: ClassVar[bool] = False
    """Whether its gradient reaches parameters by way of the network's outputs alone, or is
    added to theirs by `differentiate`. Otherwise only autograd can follow it."""
    sees_batch: ClassVar[bool] = False
    """Whether it depends on more rows of a batch than one, by their `average` alone."""
    average: Average = staticmethod(average)
    """Sees the rows that other processes have of a batch as well."""

    @abstractmethod
    def __call__(self, outputs: ReadT, target: Tensor) -> Tensor:
        """Return one value per row, shape (n,)."""

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


class Objective:
    """A sum of terms.

    Parameters
    ----------
    terms : mapping of str to Term
        The names are those of the parameters that ask for the terms.
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self.terms = dict(terms)

    def __call__(self, outputs: Outputs, target: Tensor) -> dict[str, Tensor]:
        """Return every term's value per row."""
        return {name: term(outputs, target) for name, term in self.terms.items()}

    @property
    def sees_outputs_only(self) -> bool:
        """Whether `differentiate` gives the whole gradient."""
        return all(term.sees_outputs_only for term in self.terms.values())

    def differentiate(
        self, outputs: Outputs, target: Tensor, weights: Mapping[str, float], share: float = 1.0
    ) -> tuple[dict[str, Tensor], Gradients]:
        """Return every term's value per row, and gradients of a share of the sum of their means.

        Parameters
        ----------
        outputs : NamedTuple
        target : Tensor of shape (n, ...)
        weights : mapping of str to float
            Factors of the gradients of terms; those that are not in it count once.
        share : float, default=1.0
        """
        losses: dict[str, Tensor] = {}
        gradients: Gradients = {}
        for name, term in self.terms.items():
            factor = share * weights.get(name, 1.0) / max(1, target.shape[0])
            losses[name], parts = term.differentiate(outputs, target, factor)
            for field, part in parts.items():
                gradients[field] = gradients[field] + part if field in gradients else part
        return losses, gradients

    def weights(self, progress: float) -> dict[str, float]:
        """Return the factor of every term's gradient at this share of training."""
        return {name: term.weight(progress) for name, term in self.terms.items()}

    def average_by(self, average: Average) -> None:
        """Have terms see the rows of a batch by this function, where they see more than one."""
        for term in self.terms.values():
            if term.sees_batch:
                term.average = average

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Return what each term remembers of earlier batches."""
        return {name: term.state_dict() for name, term in self.terms.items()}

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Have each term remember what `state_dict` returned."""
        for name, term in self.terms.items():
            term.load_state_dict(state[name])

    def check_reads(self, fields: Sequence[str]) -> None:
        """Raise TypeError if a term reads what is not among a network's output fields."""
        for name, term in self.terms.items():
            missing = [field for field in term.reads if field not in fields]
            if missing:
                raise TypeError(
                    f"The term {name!r} reads {', '.join(missing)}, which the network does not "
                    f"return. It returns: {', '.join(fields)}."
                )
