"""Fits that fail leave the estimator as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from skae.fitting._callbacks import DURING_FIT


@contextmanager
def rolled_back_on_failure(estimator: object) -> Iterator[None]:
    """Restore an estimator's attributes if anything is raised, KeyboardInterrupt included."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        # scikit-learn removes these itself, after it has called the callbacks for the end
        during = {n: value for n, value in estimator.__dict__.items() if n in DURING_FIT}
        estimator.__dict__.clear()
        estimator.__dict__.update(before | during)
        raise
