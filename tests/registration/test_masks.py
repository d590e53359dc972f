"""Masks that are learned from."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skae.registration._masks import spread_labels


@pytest.mark.thinned(1)
@pytest.mark.parametrize("n_labelled", range(1, 21))
@pytest.mark.parametrize("n_valid", [0, 1, 7, 19])
def test_labelled_images_are_on_both_sides(n_labelled, n_valid):
    order = np.random.default_rng(n_labelled).permutation(20)
    train, valid = spread_labels(order[n_valid:], order[:n_valid], np.arange(20) < n_labelled)
    assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(20))
    assert len(valid) == n_valid
    if n_labelled == 20:
        assert_array_equal(train, order[n_valid:])
        return
    assert (train < n_labelled).any()
    assert (valid < n_labelled).any() == (n_valid > 0 and n_labelled > 1)
