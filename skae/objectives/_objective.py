"""Sums of terms."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from skae.objectives._first_batch import check_gradients, check_inputs, check_reads, check_values
from skae.objectives._outputs import Outputs
from skae.objectives._term import Average, Gather, Gradients, Term


class Objective:
    """A sum of terms.

    Parameters
    ----------
    terms : mapping of str to Term
        The names are those of the parameters that ask for the terms. One of the terms at least has
        to be judged.
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self.terms = dict(terms)
        self._judged_terms = {name: term for name, term in self.terms.items() if term.is_judged}
        if not self._judged_terms:
            raise ValueError(
                "An objective needs a term whose value tells how good an epoch is. Got "
                f"{list(terms) or 'no terms'}, of which none has is_judged=True."
            )
        # not an attribute of terms: losses are parts of fitted estimators and of their files
        self._unchecked = dict(self.terms)

    def __call__(self, outputs: Outputs, target: Tensor) -> dict[str, Tensor]:
        """Return every term's value per row."""
        return self._evaluate(self.terms, outputs, target)

    def judge(self, outputs: Outputs, target: Tensor) -> dict[str, Tensor]:
        """Return the value per row of every term that is judged; the others are not called."""
        return self._evaluate(self._judged_terms, outputs, target)

    @property
    def judged(self) -> tuple[str, ...]:
        """The names of the terms that are judged."""
        return tuple(self._judged_terms)

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
        unchecked = self._unchecked
        check_inputs(unchecked, outputs, target)
        losses: dict[str, Tensor] = {}
        gradients: Gradients = {}
        for name, term in self.terms.items():
            factor = share * weights.get(name, 1.0) / max(1, target.shape[0])
            losses[name], parts = term.differentiate(outputs, target, factor)
            if name in unchecked:
                check_gradients(name, term, outputs, parts)
            for field, part in parts.items():
                gradients[field] = gradients[field] + part if field in gradients else part
        self._check_values(outputs, target, losses)
        return losses, gradients

    def weights(self, progress: float) -> dict[str, float]:
        """Return the factor of every term's gradient at this share of training."""
        return {name: term.weight(progress) for name, term in self.terms.items()}

    def see_all_of_batch(self, average: Average, gather: Gather) -> None:
        """Have terms that see more than one row see those of all processes, by these functions."""
        self.average_by(average)
        for term in self.terms.values():
            if term.sees_batch:
                term.gather = gather

    def average_by(self, average: Average) -> None:
        """Have terms that see more than one row take their means by this function."""
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

    def _evaluate(
        self, terms: Mapping[str, Term], outputs: Outputs, target: Tensor
    ) -> dict[str, Tensor]:
        """Return the values of some terms, which are checked when they are called first."""
        new = {name: term for name, term in self._unchecked.items() if name in terms}
        check_inputs(new, outputs, target)
        losses = {name: term(outputs, target) for name, term in terms.items()}
        self._check_values(outputs, target, losses)
        return losses

    def _check_values(self, outputs: Outputs, target: Tensor, losses: dict[str, Tensor]) -> None:
        """Check the values of terms that were called for the first time."""
        new = {name: term for name, term in self._unchecked.items() if name in losses}
        check_values(new, outputs, target, losses)
        # a batch without rows tells little: other processes may have had its rows
        if len(target) > 0:
            self._unchecked = {n: t for n, t in self._unchecked.items() if n not in new}
