"""Validation of the parameter `components`."""

import numpy as np
from numpy.typing import ArrayLike


def check_components(components: ArrayLike | None, n_components: int, default: int) -> list[int]:
    """Return the indices of the components to draw.

    Parameters
    ----------
    components : int, array-like of int or None
        The user's choice. None: the first `default` components.
    n_components : int
        Number of components of the estimator.
    default : int
        Number of components if the user chooses none and there are as many.

    Raises
    ------
    ValueError
        If an index is not an int from 0 to n_components - 1.
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
