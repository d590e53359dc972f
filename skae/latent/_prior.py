"""The standard normal prior of a variational autoencoder."""

import numpy as np
from numpy.typing import NDArray


class StandardNormal:
    """Independent components with mean 0 and variance 1.

    Parameters
    ----------
    n_components : int
    """

    def __init__(self, n_components: int) -> None:
        self.n_components = n_components

    def sample(self, n_samples: int, random_state: np.random.RandomState) -> NDArray:
        """Return new codes, shape (n_samples, n_components)."""
        return random_state.standard_normal((n_samples, self.n_components))
