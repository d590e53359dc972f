"""Random mirroring and turning of an image and its target, drawn anew for every batch."""

import torch
from torch import Generator, Tensor

from skae.engine import Batch, RandomChange


class FlipsAndTurns(RandomChange):
    """Mirrors and turns every image of a batch, and its target in the same way.

    Parameters
    ----------
    is_mirrored : bool
        Whether to mirror every image from left to right with probability 1/2.
    is_turned : bool
        Whether to turn every image by 0, 90, 180 or 270 degrees; by 0 or 180 if it is not square.
    generator : torch.Generator
        Draws the moves, on the CPU.
    """

    def __init__(self, is_mirrored: bool, is_turned: bool, generator: Generator) -> None:
        super().__init__(generator)
        self.is_mirrored = is_mirrored
        self.is_turned = is_turned

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with moved images."""
        (x,) = batch.inputs
        n, is_square = len(x), x.shape[2] == x.shape[3]
        turns = torch.zeros(n, dtype=torch.int64)
        flips = torch.zeros(n, dtype=torch.bool)
        if self.is_turned:
            turns = torch.randint(4, (n,), generator=self.generator)
            # a quarter turn would swap height and width
            turns = turns if is_square else turns // 2 * 2
        if self.is_mirrored:
            flips = torch.rand(n, generator=self.generator) < 0.5
        moved = _move(x, flips, turns)
        # one tensor may be both input and target: it is moved once
        target = moved if batch.target is x else _move(batch.target, flips, turns)
        return Batch((moved,), target)


def _move(x: Tensor, flips: Tensor, turns: Tensor) -> Tensor:
    """Mirror some images, then turn each by a number of quarter turns."""
    flips = flips.to(x.device).view(-1, 1, 1, 1)
    moved = torch.where(flips, x.flip(3), x)
    # one rotation for each number of turns is faster than one for every image
    for n_turns in range(1, 4):
        (rows,) = torch.where(turns == n_turns)
        if len(rows):
            rows = rows.to(x.device)
            moved[rows] = moved[rows].rot90(n_turns, (2, 3))
    return moved
