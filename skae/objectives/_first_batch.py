"""Checks of terms by the first batch of a training.

A term that breaks its contract would otherwise be minimised wrongly, or not at all.
"""

from collections.abc import Mapping, Sequence
from copy import copy

import torch
from torch import Tensor

from skae.objectives._outputs import Outputs
from skae.objectives._term import Gradients, Term, average, gather


def check_reads(terms: Mapping[str, Term], fields: Sequence[str]) -> None:
    """Raise TypeError if terms do not declare `reads`, or read fields that do not exist.

    Parameters
    ----------
    terms : mapping of str to Term
    fields : sequence of str
        The fields of the network's outputs.
    """
    for name, term in terms.items():
        reads = getattr(term, "reads", None)
        if not isinstance(reads, tuple):
            has = "does not declare `reads`" if reads is None else f"declares reads={reads!r}"
            raise TypeError(
                f"{_describe(name, term)} {has}. Set it to a tuple with the names of the network's "
                f"outputs that the term needs, for example reads = ('raw',), or to () if it needs "
                f"none. The network returns: {', '.join(fields)}."
            )
        missing = [field for field in reads if field not in fields]
        if missing:
            raise TypeError(
                f"{_describe(name, term)} reads {', '.join(missing)}, which the network does not "
                f"return. It returns: {', '.join(fields)}."
            )


def check_inputs(terms: Mapping[str, Term], outputs: Outputs, target: Tensor) -> None:
    """Raise an error if terms cannot work with outputs and target; terms are not called."""
    if not terms:
        return
    if not hasattr(outputs, "_fields"):
        raise TypeError(
            f"Terms read a network's outputs by name, but the network returned a "
            f"{type(outputs).__name__}. Return a NamedTuple of tensors, for example "
            "skae.networks.Reconstruction."
        )
    check_reads(terms, outputs._fields)
    for name, term in terms.items():
        refusal = term.shape_refusal(outputs, target)
        if refusal is not None:
            raise ValueError(f"{_describe(name, term)} {refusal}.")


def check_values(
    terms: Mapping[str, Term], outputs: Outputs, target: Tensor, losses: Mapping[str, Tensor]
) -> None:
    """Raise ValueError if terms have not kept their contract.

    Parameters
    ----------
    terms : mapping of str to Term
    outputs : NamedTuple of Tensor
    target : Tensor of shape (n, ...)
    losses : mapping of str to Tensor
        The values that the terms have returned.
    """
    for name, term in terms.items():
        _check_shape(_describe(name, term), losses[name], len(target))
        _check_finite(_describe(name, term), losses[name])
        if term.sees_outputs_only:
            _check_dependence(_describe(name, term), term, outputs, target)


def check_gradients(name: str, term: Term, outputs: Outputs, gradients: Gradients) -> None:
    """Raise ValueError if `Term.differentiate` has returned gradients that would not be learned.

    Parameters
    ----------
    name : str
    term : Term
    outputs : NamedTuple of Tensor
    gradients : dict of str to Tensor
        The gradients that the term has returned.
    """
    for field, gradient in gradients.items():
        if field not in term.reads:
            raise ValueError(
                f"{_describe(name, term)} returned a gradient of {field!r}, which is not in its "
                f"reads={term.reads!r}. Add it there."
            )
        wanted = tuple(getattr(outputs, field).shape)
        if gradient.shape != wanted:
            raise ValueError(
                f"{_describe(name, term)} returned a gradient of {field!r} of shape "
                f"{tuple(gradient.shape)}, but the field has shape {wanted}. Return one number for "
                "each of its entries."
            )


def _describe(name: str, term: Term) -> str:
    return f"The term {name!r} ({type(term).__name__})"


def _check_shape(term: str, values: Tensor, n_rows: int) -> None:
    if values.shape != (n_rows,):
        raise ValueError(
            f"{term} returned a tensor of shape {tuple(values.shape)}, but one value per row is "
            f"needed, shape ({n_rows},). Sum or average over all axes but the first, for example "
            "with values.flatten(1).mean(1)."
        )


def _check_finite(term: str, values: Tensor) -> None:
    """Refuse NaN, and infinity in all rows: an outlier may have an infinite loss."""
    is_lost = values.isnan().any() or not (len(values) == 0 or values.isfinite().any())
    if is_lost:
        n_bad = int((~values.isfinite()).sum())
        raise ValueError(
            f"{term} is not finite at the start: it is nan or infinite in {n_bad} of {len(values)} "
            "rows of the first batch, before anything was learned. Look for extreme values in the "
            "data, and for logarithms and divisions of zero in the term."
        )


def _check_dependence(description: str, term: Term, outputs: Outputs, target: Tensor) -> None:
    """Refuse a term whose values depend on fields that it does not declare to read.

    Where gradients are written out, those of such fields are dropped.
    """
    # apart from the network: its parameters get no gradients here
    leaves = {
        field: value.detach().requires_grad_()
        for field in outputs._fields
        if (value := getattr(outputs, field)).is_floating_point()
    }
    undeclared = [field for field in leaves if field not in term.reads]
    if not undeclared or len(target) == 0:
        return
    total = _total_of_copy(term, outputs._replace(**leaves), target)
    if not total.requires_grad:
        return
    wanted = [leaves[field] for field in undeclared]
    gradients = torch.autograd.grad(total, wanted, allow_unused=True)
    for field, gradient in zip(undeclared, gradients, strict=True):
        if gradient is not None:
            raise ValueError(
                f"{description} depends on {field!r}, which is not in its reads={term.reads!r}. "
                "With sees_outputs_only=True, the network would not learn from it. Add it to "
                "`reads`."
            )


def _total_of_copy(term: Term, outputs: Outputs, target: Tensor) -> Tensor:
    """Return the sum of the values of a copy of a term, so that no batch is remembered twice.

    The copy sees the rows of this process alone: others may have none, and then try nothing.
    """
    term_copy = copy(term)
    term_copy.load_state_dict({name: value.clone() for name, value in term.state_dict().items()})
    term_copy.average, term_copy.gather = average, gather
    with torch.enable_grad():
        return term_copy(outputs, target).sum()
