"""The contract of everything that is minimised."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor


class Term(ABC):
    """One thing that is minimised."""

    reads: ClassVar[tuple[str, ...]]
    """Fields of the network's outputs that the term needs."""

    @abstractmethod
    def __call__(self, outputs: Any, target: Tensor) -> Tensor:
        """Return one value per row, shape (n,)."""

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

    def __call__(self, outputs: Any, target: Tensor) -> dict[str, Tensor]:
        """Return every term's value per row."""
        return {name: term(outputs, target) for name, term in self.terms.items()}

    def weights(self, progress: float) -> dict[str, float]:
        """Return the factor of every term's gradient at this share of training."""
        return {name: term.weight(progress) for name, term in self.terms.items()}

    def check_reads(self, fields: Sequence[str]) -> None:
        """Raise TypeError if a term reads what is not among a network's output fields."""
        for name, term in self.terms.items():
            missing = [field for field in term.reads if field not in fields]
            if missing:
                raise TypeError(
                    f"The term {name!r} reads {', '.join(missing)}, which the network does not "
                    f"return. It returns: {', '.join(fields)}."
                )
