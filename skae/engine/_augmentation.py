"""Random moves and reflections of images, drawn anew for every batch."""

import torch
from torch import Generator, Tensor

from skae.engine._batch import Batch
from skae.engine._changes import RandomChange


class ImageAugmentation(RandomChange):
    """Moves and mirrors the images of a batch, and the target in the same way.

    Where a move leaves a gap, the border is repeated.

    Parameters
    ----------
    shape : tuple of int
        The shape of an image, which a row holds flattened.
    axes : sequence of int
        The axes of `shape` along which images move; they are mirrored along the last.
    max_shift : int
        The largest number of entries by which an image moves; drawn for each axis.
    is_mirrored : bool
        Whether to mirror every image with probability 1/2.
    mean : Tensor of shape (n_features,), float64, on the CPU
        The image that is zero in the network's units. It is moved with each row, since images are
        to be moved, not their differences from the mean image.
    generator : torch.Generator
        On the CPU.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        axes: tuple[int, ...],
        max_shift: int,
        is_mirrored: bool,
        mean: Tensor,
        generator: Generator,
    ) -> None:
        super().__init__(generator)
        self.shape = shape
        self.axes = axes
        self.max_shift = max_shift
        self.is_mirrored = is_mirrored
        self.mean = mean

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with moved images."""
        first, *others = batch.inputs
        sources = {axis: self._draw_sources(len(first), axis) for axis in self.axes}
        # apart, since the mean may be so large that float32 has no digits for the rest
        change = self._move(self.mean.expand(len(first), -1), sources) - self.mean
        moved = self._move(first, sources) + change.to(first)
        # if the target is a separate tensor, it is in the data's units, where no mean was taken off
        target = moved if batch.target is first else self._move(batch.target, sources)
        return Batch((moved, *others), target)

    def _draw_sources(self, n: int, axis: int) -> Tensor:
        """Return the place from which each entry along an axis comes, shape (n, size)."""
        size = self.shape[axis]
        bounds = -self.max_shift, self.max_shift + 1
        # (n, 1), broadcast over the places along the axis
        moves = torch.randint(*bounds, (n, 1), generator=self.generator)
        sources = (torch.arange(size) + moves).clamp(0, size - 1)
        if not (self.is_mirrored and axis == self.axes[-1]):
            return sources
        is_turned = torch.rand(n, 1, generator=self.generator) < 0.5
        return torch.where(is_turned, size - 1 - sources, sources)

    def _move(self, x: Tensor, sources: dict[int, Tensor]) -> Tensor:
        """Return rows, shape (n, n_features), with their entries taken from `sources`."""
        images = x.unflatten(1, self.shape)  # (n, *shape)
        for axis, places in sources.items():
            ones = [1] * len(self.shape)
            ones[axis] = self.shape[axis]
            index = places.to(x.device).view(len(x), *ones).expand_as(images)
            images = images.gather(axis + 1, index)
        return images.flatten(1)
