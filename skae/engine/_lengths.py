"""Numbers of entries of codes that are decoded, for ordered codes."""

import torch
from torch import Generator, Tensor

from skae.engine._batch import Batch
from skae.engine._changes import BatchChange, RandomChange

FULL = 0.25
"""Share of the rows that are decoded from all entries of their codes."""
MAX_PREFIXES = 2**10
"""Largest number of prefixes of held-out codes that are decoded, or one for each row."""


def with_lengths(batch: Batch, lengths: Tensor) -> Batch:
    """Return the batch with lengths, shape (n, n_lengths), as its last input."""
    return Batch((*batch.inputs, lengths.to(batch.target.device)), batch.target)


class DrawnLengths(RandomChange):
    """Gives every row of a batch a random length, drawn anew each time.

    A share `FULL` of the rows are decoded from whole codes. The lengths of the others have uniform
    logarithms: one more entry changes a short code more than a long one. Draws are stratified over
    the batch.

    Parameters
    ----------
    n_components : int
        The largest length.
    generator : torch.Generator
        On the CPU.
    """

    def __init__(self, n_components: int, generator: Generator) -> None:
        super().__init__(generator)
        self.n_components = n_components

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with a length for each row, shape (n, 1)."""
        n_rows = len(batch.target)
        # stratified: one uniform number from each of n_rows intervals of equal width
        order = torch.randperm(n_rows, generator=self.generator)
        share = (order + torch.rand(n_rows, generator=self.generator)) / n_rows
        exponent = (share / (1 - FULL)).clamp(max=1.0)  # 1 for those with the whole code
        lengths = (self.n_components + 1.0) ** exponent
        return with_lengths(batch, lengths.long().clamp(1, self.n_components)[:, None])


class SpreadLengths(BatchChange):
    """Gives every row of a batch some lengths, evenly spread and the same each time.

    Parameters
    ----------
    n_components : int
        The largest length.
    max_prefixes : int
        Largest number of lengths of the batch; every row has one at least.
    """

    def __init__(self, n_components: int, max_prefixes: int = MAX_PREFIXES) -> None:
        self.n_components = n_components
        self.max_prefixes = max_prefixes

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with lengths, shape (n, n_lengths): all there are, for few rows."""
        n_rows = len(batch.target)
        n_lengths = max(1, min(self.n_components, self.max_prefixes // n_rows))
        if n_lengths == self.n_components:
            every = torch.arange(1, self.n_components + 1)
            return with_lengths(batch, every.expand(n_rows, -1))
        # multiples of the golden ratio are evenly spread over [0, 1), however many there are
        offsets = (torch.arange(n_rows, dtype=torch.float64) * (5**0.5 - 1) / 2).frac()
        # (n, n_lengths): evenly spaced for each row, from an offset of its own
        places = (torch.arange(n_lengths) + offsets[:, None]) * self.n_components / n_lengths
        return with_lengths(batch, 1 + places.long().clamp(max=self.n_components - 1))
