"""Losses over prefixes of ordered codes."""

from torch import Tensor

from skae.objectives._losses import ReconstructionLoss, unequal_shapes
from skae.objectives._outputs import WithWeightedRaw
from skae.objectives._term import Gradients, Term


class OverPrefixes(Term[WithWeightedRaw]):
    """A reconstruction loss of decoded prefixes, times a weight for each length.

    The value of a row is the mean over the prefixes of its code.

    Parameters
    ----------
    loss : ReconstructionLoss
    """

    reads = ("raw", "weight")
    sees_outputs_only = True

    def __init__(self, loss: ReconstructionLoss) -> None:
        self.loss = loss

    def __call__(self, outputs: WithWeightedRaw, target: Tensor) -> Tensor:
        """Return the mean of every row, shape (n,)."""
        values = self.loss(outputs, _repeated(target, len(outputs.raw)))
        return _means(values * outputs.weight, len(target))

    def shape_refusal(self, outputs: WithWeightedRaw, target: Tensor) -> str | None:
        """Return why decoded prefixes do not fit: every row has as many, of the row's shape."""
        raw, n_rows = outputs.raw, len(target)
        if raw.shape[1:] == target.shape[1:] and len(raw) % max(1, n_rows) == 0:
            return None
        n_prefixes = n_rows * max(1, len(raw) // max(1, n_rows))
        return unequal_shapes(raw.shape, (n_prefixes, *target.shape[1:]))

    def differentiate(
        self, outputs: WithWeightedRaw, target: Tensor, factor: float
    ) -> tuple[Tensor, Gradients]:
        """Return the mean of every row, and the gradient of ``factor`` times the sum."""
        n_rows, n_prefixes = len(target), len(outputs.raw)
        # a row's value is a mean over its prefixes, each of which the loss counts as a row
        values, gradients = self.loss.differentiate(
            outputs, _repeated(target, n_prefixes), factor * n_rows / max(1, n_prefixes)
        )
        slope = gradients["raw"]
        # (n_prefixes,) -> (n_prefixes, 1, ...)
        slope *= outputs.weight.view(-1, *[1] * (slope.ndim - 1))
        return _means(values * outputs.weight, n_rows), {"raw": slope}


def _repeated(target: Tensor, n: int) -> Tensor:
    """Return rows, each repeated, so that there are n."""
    n_times = n // max(1, len(target))
    # prefixes of a row follow each other
    return target if n_times == 1 else target.repeat_interleave(n_times, 0)


def _means(values: Tensor, n_rows: int) -> Tensor:
    """Return the means of the values of each row, shape (n_rows,)."""
    return values.unflatten(0, (n_rows, -1)).mean(1) if n_rows else values
