"""Fits that fail leave no trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def rolled_back_on_failure(estimator: Any) -> Iterator[None]:
    """Have an estimator's attributes put back if anything is raised, an interruption included."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise
