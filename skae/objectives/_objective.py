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
        The names are those of the parameters by which users choose the terms. At least one of the
        terms is judged.
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
        """Return the value of every term for each row, shape (n,)."""
        return self._evaluate(self.terms, outputs, target)

    def judge(self, outputs: Outputs, target: Tensor) -> dict[str, Tensor]:
        """Return the value of every judged term for each row; other terms are not called."""
        return self._evaluate(self._judged_terms, outputs, target)

    @property
    def judged(self) -> tuple[str, ...]:
        """The names of the terms that are judged."""
        return tuple(self._judged_terms)

    @property
    def sees_outputs_only(self) -> bool:
        """Whether `differentiate` returns the whole gradient."""
        return all(term.sees_outputs_only for term in self.terms.values())

    def differentiate(
        self, outputs: Outputs, target: Tensor, weights: Mapping[str, float], share: float = 1.0
    ) -> tuple[dict[str, Tensor], Gradients]:
        """Return the value of every term for each row, and gradients of the weighted sum of means.

        Parameters
        ----------
        outputs : NamedTuple
        target : Tensor of shape (n, ...)
        weights : mapping of str to float
            Factors of the terms' gradients; 1 for terms that it does not name.
        share : float, default=1.0
            Factor of all gradients.
        """
        unchecked = self._unchecked
        check_inputs(unchecked, outputs, target)
        losses: dict[str, Tensor] = {}
        gradients: Gradients = {}
        for name, term in self.terms.items():
            # a batch may be without rows
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
        """Set the functions by which terms that see a batch see the rows of all processes."""
        self.average_by(average)
        for term in self.terms.values():
            if term.sees_batch:
                term.gather = gather

    def average_by(self, average: Average) -> None:
        """Set the function by which terms that see more than one row take their means."""
        for term in self.terms.values():
            if term.sees_batch:
                term.average = average

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Return the state of every term, by the term's name."""
        return {name: term.state_dict() for name, term in self.terms.items()}

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Set the states that `state_dict` returned."""
        for name, term in self.terms.items():
            term.load_state_dict(state[name])

    def check_reads(self, fields: Sequence[str]) -> None:
        """Raise TypeError if a term reads a field that is not among the network's outputs."""
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
