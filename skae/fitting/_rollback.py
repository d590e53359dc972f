"""Fits that fail leave no trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skae.fitting._callbacks import DURING_FIT


@contextmanager
def rolled_back_on_failure(estimator: Any) -> Iterator[None]:
    """Have an estimator's attributes put back if anything is raised, an interruption included."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        # scikit-learn removes these itself, after it has told the callbacks of the end
        during = {n: value for n, value in estimator.__dict__.items() if n in DURING_FIT}
        estimator.__dict__.clear()
        estimator.__dict__.update(before | during)
        raise
