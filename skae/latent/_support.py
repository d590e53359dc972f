"""Sparse codes: which components are active, and how much."""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray


class SupportDensity:
    """The active components are those of a code drawn at random, their values drawn apart.

    The value of a component is one that it has in some code where it is active. How often
    components are active, alone and together, and how much, is then as in the codes.

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
    """Return views of the nonzeros of every column."""
    return np.split(codes.data, codes.indptr[1:-1])
