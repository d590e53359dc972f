"""Held-out rows of blocks where only some rows have a label."""

import numpy as np
from numpy.typing import NDArray

from skae.blocks import HeldOut
from skae.rows._kinds import spread_labels
from skae.rows._rows import Split

Flags = dict[int, NDArray[np.bool_]]
"""One for every row of the blocks with these numbers."""


class ListedHeldOut(HeldOut):
    """Held-out rows that are listed, instead of drawn.

    Parameters
    ----------
    drawn : HeldOut
        What they take the place of.
    flags : dict of int to array of bool
        Which rows of each block are held out.
    """

    def __init__(self, drawn: HeldOut, flags: Flags) -> None:
        super().__init__(drawn.share, None, drawn.seed, drawn.holds_single)
        self.flags = flags

    def find(self, number: int, start: int, n_rows: int) -> NDArray[np.bool_]:
        """Return which rows of a block are held out."""
        flags = self.flags.get(number, np.zeros(0, bool))
        # a block that has changed is refused by its length
        return flags if len(flags) == n_rows else np.zeros(n_rows, bool)


class LabelledRows:
    """Which rows of blocks have a label, as they are read."""

    def __init__(self) -> None:
        self._parts: dict[int, list[NDArray[np.bool_]]] = {}

    def add(self, number: int, is_labelled: NDArray[np.bool_]) -> None:
        """Take note of the next rows of the block with this number."""
        self._parts.setdefault(number, []).append(is_labelled)

    def spread(self, held_out: HeldOut) -> HeldOut:
        """Return as many held-out rows, with labelled rows on both sides.

        If a single row is labelled, it is learned from. The drawn rows are kept where they can be.
        """
        flags = {number: np.concatenate(parts) for number, parts in sorted(self._parts.items())}
        is_labelled = np.concatenate([*flags.values()])
        is_valid = np.concatenate([*_find_held_out(held_out, flags).values()])
        n_labelled, n_held_out = is_labelled.sum(), (is_labelled & is_valid).sum()
        is_spread = n_held_out < n_labelled and (n_held_out > 0 or n_labelled == 1)
        if is_spread or not n_labelled or not is_valid.any():
            return held_out
        order = np.random.default_rng(held_out.seed).permutation(len(is_valid))
        drawn = Split(order[~is_valid[order]], order[is_valid[order]])
        is_valid = np.zeros(len(is_valid), bool)
        is_valid[spread_labels(drawn, is_labelled).valid] = True
        ends = np.cumsum([len(part) for part in flags.values()])
        return ListedHeldOut(held_out, dict(zip(flags, np.split(is_valid, ends[:-1]), strict=True)))


def _find_held_out(held_out: HeldOut, flags: Flags) -> Flags:
    """Return which rows are held out, given blocks with as many rows."""
    found, start = {}, 0
    for number, part in flags.items():
        found[number] = held_out.find(number, start, len(part))
        start += len(part)
    return found
