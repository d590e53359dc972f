"""The contract of links, which give a decoder's output its meaning."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor


class Link(Protocol):
    """A reconstruction loss or a likelihood, as estimators see both."""

    @property
    def equivariant(self) -> bool:
        """Whether the optimum stays the same if the data are shifted and rescaled."""

    @property
    def mean(self) -> Callable[..., Tensor]:
        """Maps `raw`, and a likelihood's `shared` beside it, to the expected value of every entry.

        A decoder's output `raw` alone is enough for a reconstruction loss.
        """

    def inputs(self, x: Tensor) -> Tensor:
        """Return the encoder's input for rows of data, shape (n, n_inputs)."""

    def input_refusal(self, x: Tensor) -> str | None:
        """Return the reason why rows cannot be encoded and a remedy, or None if they can.

        The text has no full stop at its end. It follows the name of the parameter that chose the
        link: "loss='binary_crossentropy' needs values in [0, 1], but X has ...".
        """
