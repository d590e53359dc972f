"""Images that are moved and mirrored, anew for every batch."""

import torch
from torch import Generator, Tensor

from skae.engine._batches import Batch


class ImageAugmentation:
    """Moves and mirrors the images of a batch; the target goes with the first input.

    Where a move leaves a gap, the border is repeated.

    Parameters
    ----------
    shape : tuple of int
        What a flattened row is.
    axes : sequence of int
        The axes of `shape` along which images move; they are mirrored along the last.
    max_shift : int
        Images move by up to so many entries, by an integer drawn for each axis.
    is_mirrored : bool
        Whether to mirror every image with probability 1/2.
    generator : torch.Generator
        On the CPU.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        axes: tuple[int, ...],
        max_shift: int,
        is_mirrored: bool,
        generator: Generator,
    ) -> None:
        self.shape = shape
        self.axes = axes
        self.max_shift = max_shift
        self.is_mirrored = is_mirrored
        self.generator = generator

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with moved images."""
        first, *others = batch.inputs
        sources = self._draw_sources(len(first)).to(first.device)
        moved = first.gather(1, sources)
        target = moved if batch.target is first else batch.target.gather(1, sources)
        return Batch((moved, *others), target)

    def _draw_sources(self, n: int) -> Tensor:
        """Return where every entry of a row comes from, shape (n, n_features)."""
        sources = torch.zeros(n, 1, dtype=torch.long)
        for axis, size in enumerate(self.shape):
            places = torch.arange(size).expand(n, size)
            if axis in self.axes:
                places = self._draw_places(places, axis == self.axes[-1])
            sources = (sources[:, :, None] * size + places[:, None]).flatten(1)
        return sources

    def _draw_places(self, places: Tensor, is_last: bool) -> Tensor:
        """Return where entries along one axis come from, shape (n, size)."""
        n, size = places.shape
        bounds = -self.max_shift, self.max_shift + 1
        shifted = places + torch.randint(*bounds, (n, 1), generator=self.generator)
        places = shifted.clamp(0, size - 1)
        if not (is_last and self.is_mirrored):
            return places
        is_turned = torch.rand(n, 1, generator=self.generator) < 0.5
        return torch.where(is_turned, size - 1 - places, places)
