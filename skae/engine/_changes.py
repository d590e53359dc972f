"""Changes of batches as they are served."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Generator

from skae.engine._batch import Batch


class BatchChange(ABC):
    """Abstract base of changes of a batch."""

    @property
    def generators(self) -> tuple[Generator, ...]:
        """The generators of its random numbers."""
        return ()

    @abstractmethod
    def __call__(self, batch: Batch) -> Batch:
        """Return a changed batch; the given one is not modified."""


class _Nothing(BatchChange):
    """Leaves batches as they are."""

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch itself."""
        return batch


NOTHING: BatchChange = _Nothing()
"""No change, where a change is wanted."""


class RandomChange(BatchChange):
    """Abstract base of changes that are drawn anew for every batch.

    Parameters
    ----------
    generator : torch.Generator
        On the CPU, so that the same seed gives the same changes on every device.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    @property
    def generators(self) -> tuple[Generator, ...]:
        """The generators of its random numbers."""
        return (self.generator,)


class InTurn(BatchChange):
    """Several changes, one after the other.

    Parameters
    ----------
    changes : sequence of BatchChange
    """

    def __init__(self, changes: Sequence[BatchChange]) -> None:
        for number, change in enumerate(changes):
            if not isinstance(change, BatchChange):
                raise TypeError(
                    f"changes[{number}] must be a BatchChange. Got {change!r}. For no change at "
                    "all, use skae.engine.NOTHING."
                )
        self.changes = changes

    @property
    def generators(self) -> tuple[Generator, ...]:
        """The generators of all changes' random numbers."""
        return tuple(generator for change in self.changes for generator in change.generators)

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch after all changes."""
        for change in self.changes:
            batch = change(batch)
        return batch
