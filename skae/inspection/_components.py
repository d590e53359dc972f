"""Which components a user asks for."""

from typing import Any

import numpy as np


def check_components(components: Any, n_components: int, default: int) -> list[int]:
    """Return the components to draw.

    Parameters
    ----------
    components : int, array-like of int or None
        As a user gives them. None: the first ones.
    n_components : int
        How many there are.
    default : int
        How many the first ones are at most.

    Raises
    ------
    ValueError
        If they are not ints from 0 to n_components - 1.
    """
    if components is None:
        return list(range(min(default, n_components)))
    chosen = np.atleast_1d(np.asarray(components))
    is_index = chosen.ndim == 1 and chosen.size and chosen.dtype.kind in "iu"
    if not is_index or chosen.min() < 0 or chosen.max() >= n_components:
        raise ValueError(
            f"components must be ints from 0 to {n_components - 1}. Got {components!r} instead."
        )
    return [int(component) for component in chosen]
