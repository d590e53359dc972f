"""Widths of hidden layers."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

Widths = Literal["auto"] | int | Sequence[int]


def hidden_sizes(sizes: Widths, n_features: int) -> tuple[int, ...]:
    """Return the widths of an encoder's hidden layers.

    "auto": two layers, about twice as wide as the data, from 128 to 512.
    """
    if isinstance(sizes, str):
        # powers of two: matrix products of such sizes are the fastest
        width = 2 ** round(np.log2(2 * n_features))
        return (max(128, min(512, width)),) * 2
    widths = np.atleast_1d(np.asarray(sizes))
    if widths.ndim > 1 or (widths.size and (widths.dtype.kind not in "iu" or widths.min() < 1)):
        raise ValueError(
            "The 'hidden_layer_sizes' parameter must be 'auto', an int or a sequence of ints, "
            f"all at least 1. Got {sizes!r} instead."
        )
    return tuple(int(width) for width in widths)


def is_linear(sizes: Widths) -> bool:
    """Whether there are no hidden layers."""
    return not isinstance(sizes, str) and not np.size(sizes)
