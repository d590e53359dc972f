"""Random numbers of torch, drawn from scikit-learn's."""

import numpy as np
from torch import Generator


def torch_generator(random_state: np.random.RandomState) -> Generator:
    """Return a torch generator seeded from scikit-learn's."""
    return Generator().manual_seed(int(random_state.randint(2**31 - 1)))
