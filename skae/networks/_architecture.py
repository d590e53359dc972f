"""The contract of architectures, from which networks are built."""

from abc import ABC, abstractmethod
from inspect import get_annotations
from itertools import pairwise
from typing import Any

from torch import Generator, nn


class Architecture(ABC):
    """Abstract base of the plans of networks.

    Subclasses are frozen dataclasses of plain values, so that files can hold them.

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
        """Number of entries, of rows as wide as the widest layer, to apply the network to at once.

        So few that the output of a dense layer stays in the processor's cache.
        """
        return 2**18

    @property
    def n_unrolled(self) -> int:
        """Number of copies of its input that a layer makes in float64."""
        return 1

    @property
    def n_weights(self) -> int:
        """Least number of weights of the network, if no size is 0.

        It tells whether the network can be built, before it is.
        """
        return sum(n_in * n_out for n_in, n_out in pairwise(self.sizes))

    @abstractmethod
    def build(self, generator: Generator) -> nn.Module:
        """Return the network in float64."""


def _declares_sizes(cls: type) -> bool:
    """Whether a class has a property or, as dataclasses do, an annotation of this name."""
    return "sizes" in vars(cls) or "sizes" in get_annotations(cls)
