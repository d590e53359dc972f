"""X and y in memory, as a single block."""

from typing import Any

from skae.blocks import OneBlock, Pair


class OnePair(OneBlock):
    """An array of X with the array of y that belongs to it.

    Estimators check that both have as many rows. Errors name no block, since there is no other.

    Parameters
    ----------
    X : array
    y : array or None
    """

    def __init__(self, X: Any, y: Any) -> None:
        super().__init__(Pair(X, y))
        self.y = OneBlock(y)
