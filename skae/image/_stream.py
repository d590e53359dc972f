"""Pairs of images in blocks, as a network learns from them."""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.engine import Batch
from skae.image._records import as_patches, take_apart
from skae.image._survey import ImageSurvey
from skae.rows._reader import Block, Reader
from skae.rows._stream import BlockStream
from skae.rows._units import Units


class ImageStream(BlockStream):
    """Images, or patches of them, flattened, with their targets.

    Parameters
    ----------
    reader : Reader
        Of records, after its first pass.
    survey : ImageSurvey
        What that has found.
    units, target_units : Units
    patch_size : int or None
    """

    def __init__(
        self,
        reader: Reader,
        survey: ImageSurvey,
        units: Units,
        target_units: Units,
        patch_size: int | None,
    ) -> None:
        X, y = take_apart(survey.records)
        self.shapes = [maps.shape[1:] for maps in ((X,) if y is X else (X, y))]
        super().__init__(reader, survey.n_train, [prod(shape) for shape in self.shapes])
        self.survey = survey
        self.units = units
        self.target_units = target_units
        self.patch_size = patch_size

    @property
    def bounds(self) -> Tensor:
        """The smallest and the largest values of X, in units, shape (2, n_channels, 1, 1)."""
        extremes = np.stack([self.survey.seen.low, self.survey.seen.high])[:, :, None, None]
        return torch.from_numpy(self.units.enter(extremes).astype(np.float32))

    def as_batch(self, rows: Tensor) -> Batch:
        """Make images of rows."""
        parts = zip(rows.split(self.widths, 1), self.shapes, strict=True)
        images = [part.reshape(len(rows), *shape) for part, shape in parts]
        return Batch((images[0],), images[-1])

    def _as_rows(self, block: Block) -> Block:
        return as_patches(block, self.patch_size)

    def _enter(self, block: Block, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        X, y = take_apart(block.X[rows])
        entered = [self.units.enter(X)]
        if y is not X:
            entered.append(self.target_units.enter(y))
        parts = [maps.reshape(len(rows), -1) for maps in entered]
        return np.hstack(parts, dtype=np.float32, casting="same_kind")
