"""The fields of networks' outputs by which terms know them.

A term states the fields that it needs twice: `Term.reads` is checked when a training begins, and
the type of its outputs, one of these protocols, when types are checked.
"""

from collections.abc import Callable
from typing import Protocol, Self

from torch import Tensor


class Outputs(Protocol):
    """A NamedTuple of tensors, whichever its fields are."""

    @property
    def _fields(self) -> tuple[str, ...]:
        """The names of the fields."""

    @property
    def _replace(self) -> Callable[..., Self]:
        """Returns the outputs with other values in some fields, which are given by name."""


class WithInput(Outputs, Protocol):
    """Outputs that hold their input."""

    @property
    def x(self) -> Tensor:
        """The encoder's input, shape (n, ...)."""


class WithCode(Outputs, Protocol):
    """Outputs of an encoder."""

    @property
    def code(self) -> Tensor:
        """Codes, shape (n, n_components), or (n, n_codes, n_components) for several per row."""


class WithRaw(Outputs, Protocol):
    """Outputs of a decoder."""

    @property
    def raw(self) -> Tensor:
        """The decoder's output, before a link turns it into rows, shape (n, ...)."""


class WithWeightedRaw(WithRaw, Protocol):
    """Outputs of a decoder of prefixes."""

    @property
    def weight(self) -> Tensor:
        """The factor of the loss of each decoded prefix, shape (n * n_lengths,)."""


class WithShared(WithRaw, Protocol):
    """Outputs that are the parameters of a likelihood."""

    @property
    def shared(self) -> Tensor:
        """Parameters that do not depend on the code, shape (n_shared,)."""


class WithPosterior(Outputs, Protocol):
    """Outputs of an encoder that gives normal distributions."""

    @property
    def mean(self) -> Tensor:
        """Means of the components, shape (n, n_components)."""

    @property
    def log_var(self) -> Tensor:
        """Logarithms of the components' variances, shape (n, n_components)."""


class WithDraws(WithPosterior, WithShared, WithCode, Protocol):
    """Outputs of a variational autoencoder."""


class WithDrive(Outputs, Protocol):
    """Outputs of an encoder whose codes are thresholded."""

    @property
    def drive(self) -> Tensor:
        """Codes before the threshold, shape (n, n_components)."""


class WithAtoms(WithRaw, WithCode, WithDrive, Protocol):
    """Outputs of a sparse coder."""

    @property
    def atoms(self) -> Tensor:
        """Rows of the decoder's dictionary, shape (n_components, n_features)."""
