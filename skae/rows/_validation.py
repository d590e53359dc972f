"""What users give as X, before it is an array."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, bfloat16

from skae.blocks import is_lazy


def detached(X: Any) -> Any:
    """Return X, and tensors without their record of how they were computed.

    Those in bfloat16, which numpy does not know, in float32.

    Raises
    ------
    ValueError
        If X comes in blocks: to read all of them may take more memory than there is. If it is a
        dict.
    """
    if is_lazy(X):
        raise ValueError(
            f"A {type(X).__name__} comes in blocks, but an array in memory is needed here. Load "
            "it, for example with numpy.asarray, if it is small enough."
        )
    # scipy's arrays by keys are dicts as well
    if isinstance(X, Mapping) and not hasattr(X, "shape"):
        raise ValueError(
            f"A {type(X).__name__} is no array. Give one of its values or, if these are blocks of "
            "rows, a list of them; if they are columns, make a dataframe of them."
        )
    if not isinstance(X, Tensor):
        return X
    return X.detach().float() if X.dtype == bfloat16 else X.detach()


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
    except ValueError as error:
        if "Found array with dim" in str(error):
            raise ValueError(f"{error} Blocks of rows are given as a list of arrays.") from error
        if "setting an array element with a sequence" not in str(error):
            raise
        raise ValueError(
            f"{name} has rows of different shapes, but all must have the same. Resize images of "
            "several sizes, or cut patches of one size from them; give blocks of rows as a list "
            f"of arrays. (numpy: {error})"
        ) from error
