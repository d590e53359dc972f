"""Densities of sparse codes: which components are active, and their values."""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray


class SupportDensity:
    """Draws the active components of a random code, and then each of their values.

    The value of a component is that of a random code in which it is active. Components are then
    active, alone and together, as often as in the codes, and each has the same distribution of
    values.

    Parameters
    ----------
    codes : array of shape (n_samples, n_components)
        Mostly zero.
    """

    def __init__(self, codes: NDArray) -> None:
        self.codes = scipy.sparse.csc_array(codes)

    def sample(self, n_samples: int, random_state: np.random.RandomState) -> NDArray:
        """Return new codes, shape (n_samples, n_components)."""
        rows = random_state.randint(self.codes.shape[0], size=n_samples)
        drawn = self.codes[rows].tocsc()
        for seen, new in zip(_columns(self.codes), _columns(drawn), strict=True):
            new[:] = random_state.choice(seen, new.size) if new.size else new
        return drawn.toarray()


def _columns(codes: scipy.sparse.csc_array) -> list[NDArray]:
    """Return the nonzeros of every column, as views."""
    return np.split(codes.data, codes.indptr[1:-1])
