"""Held-out rows of blocks where only some rows have a label."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from skae.blocks import HeldOut

N_DRAWS = 100


class LabelledRows:
    """Which rows of blocks have a label, as they are read."""

    def __init__(self) -> None:
        self._parts: dict[int, list[NDArray[np.bool_]]] = {}

    def add(self, number: int, is_labelled: NDArray[np.bool_]) -> None:
        """Take note of the next rows of the block with this number."""
        self._parts.setdefault(number, []).append(is_labelled)

    def spread(self, held_out: HeldOut) -> HeldOut:
        """Return held-out rows such that labels are learned from, and judged by if there are two.

        Parameters
        ----------
        held_out : HeldOut
            Returned itself if this is so already.

        Raises
        ------
        ValueError
            If all labels would be held out, whatever is drawn.
        """
        flags = {number: np.concatenate(parts) for number, parts in self._parts.items()}
        n_labelled = sum(int(part.sum()) for part in flags.values())
        is_all = n_labelled == sum(map(len, flags.values()))
        if held_out.share == 0 or is_all or not n_labelled:
            return held_out
        best = None
        for drawn in _redraw(held_out, flags):
            n_held_out = _count_held_out(drawn, flags)
            if 0 < n_held_out < n_labelled:
                return drawn
            if n_held_out == 0:
                best = best or drawn
        if best is None:
            raise ValueError(
                f"{n_labelled} of the images have labels, and these are held out, whatever is "
                "drawn. Put more images into a block, or set early_stopping=False."
            )
        return best


def _redraw(held_out: HeldOut, numbers: Iterable[int]) -> Iterable[HeldOut]:
    """Yield held-out rows and then others that are drawn by other seeds."""
    yield held_out
    among = None if held_out.whole is None else sorted(numbers)
    for draw in range(1, N_DRAWS):
        yield HeldOut(held_out.share, among, held_out.seed + draw, held_out.holds_single)


def _count_held_out(held_out: HeldOut, flags: dict[int, NDArray[np.bool_]]) -> int:
    """Return the number of labelled rows that are held out."""
    start = n_held_out = 0
    for number, is_labelled in sorted(flags.items()):
        n_rows = len(is_labelled)
        n_held_out += int((held_out.find(number, start, n_rows) & is_labelled).sum())
        start += n_rows
    return n_held_out
