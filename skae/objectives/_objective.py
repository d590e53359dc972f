"""Sums of terms."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from skae.objectives._first_batch import check_gradients, check_inputs, check_reads, check_values
from skae.objectives._outputs import Outputs
from skae.objectives._term import Average, Gradients, Term


class Objective:
    """A sum of terms.

    Parameters
    ----------
    terms : mapping of str to Term
        The names are those of the parameters that ask for the terms.
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self.terms = dict(terms)
        # not an attribute of terms: losses are parts of fitted estimators and of their files
        self._is_checked = False

    def __call__(self, outputs: Outputs, target: Tensor) -> dict[str, Tensor]:
        """Return every term's value per row."""
        if self._is_checked:
            return {name: term(outputs, target) for name, term in self.terms.items()}
        check_inputs(self.terms, outputs, target)
        losses = {name: term(outputs, target) for name, term in self.terms.items()}
        self._check(outputs, target, losses)
        return losses

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
        if not self._is_checked:
            check_inputs(self.terms, outputs, target)
        losses: dict[str, Tensor] = {}
        gradients: Gradients = {}
        for name, term in self.terms.items():
            factor = share * weights.get(name, 1.0) / max(1, target.shape[0])
            losses[name], parts = term.differentiate(outputs, target, factor)
            if not self._is_checked:
                check_gradients(name, term, outputs, parts)
            for field, part in parts.items():
                gradients[field] = gradients[field] + part if field in gradients else part
        if not self._is_checked:
            self._check(outputs, target, losses)
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
        check_reads(self.terms, fields)

    def _check(self, outputs: Outputs, target: Tensor, losses: dict[str, Tensor]) -> None:
        """Check every term by the first batch that has rows: other processes may have had them."""
        check_values(self.terms, outputs, target, losses)
        self._is_checked = len(target) > 0
