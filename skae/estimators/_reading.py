"""What users give as X, before it is an array."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor


def detached(X: Any) -> Any:
    """Return X, and tensors without their record of how they were computed."""
    return X.detach() if isinstance(X, Tensor) else X


@contextmanager
def reading(name: str = "X") -> Iterator[None]:
    """Have what cannot be read as an array refused with a ValueError.

    numpy raises OverflowError for integers that no float can hold, torch RuntimeError for tensors
    that no array can be made of.
    """
    try:
        yield
    except (OverflowError, RuntimeError) as error:
        raise ValueError(f"Input {name} cannot be read as an array of numbers: {error}") from error
