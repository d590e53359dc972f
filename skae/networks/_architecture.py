"""The contract of plans from which networks are built."""

from abc import ABC, abstractmethod
from inspect import get_annotations
from itertools import pairwise
from typing import Any

from torch import Generator, nn


class Architecture(ABC):
    """All it takes to build a network again; subclasses are frozen dataclasses of plain values.

    Attributes
    ----------
    sizes : tuple of int
        Widths from the data, first, to the code, last.
    """

    sizes: Any  # a field in some subclasses, a property in others

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        is_abstract = getattr(cls.build, "__isabstractmethod__", False)
        own = [base for base in cls.__mro__ if base is not Architecture]
        if not is_abstract and not any(_declares_sizes(base) for base in own):
            raise TypeError(
                f"The architecture {cls.__name__} does not declare `sizes`. Add a field or a "
                "property of this name: a tuple of the widths from the data, first, to the code, "
                "last."
            )

    @property
    def entries_per_batch(self) -> int:
        """Entries of rows, as wide as the widest layer, that are best applied to at once.

        Few enough for what a dense layer puts out to stay near the processor.
        """
        return 2**18

    @property
    def n_unrolled(self) -> int:
        """Copies of its input that a layer makes in float64."""
        return 1

    @property
    def n_weights(self) -> int:
        """Number of weights the network has at least, if no size is 0.

        For those who have to know whether it can be built, before they build it.
        """
        return sum(n_in * n_out for n_in, n_out in pairwise(self.sizes))

    @abstractmethod
    def build(self, generator: Generator) -> nn.Module:
        """Return the network in float64."""


def _declares_sizes(cls: type) -> bool:
    """Whether a class has a property or, as dataclasses do, an annotation of this name."""
    return "sizes" in vars(cls) or "sizes" in get_annotations(cls)
