"""Shapes of the results for images in blocks, and scores of images in blocks."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Blocks, is_empty
from skae.image._image_format import ImageFormat
from skae.rows._explained_variance import ExplainedShare
from skae.rows._summaries import as_pixels


class FittedOnImages(Protocol):
    """A fitted estimator of images."""

    _format: ImageFormat
    _target_format: ImageFormat


class FittedSegmenter(FittedOnImages, Protocol):
    """A fitted estimator that labels pixels."""

    classes_: NDArray


def images_shape(estimator: FittedOnImages, X: object) -> tuple[int, ...]:
    """Return the shape of a prediction for an image of X, which may have another size than in fit.

    If X does not state the size of its images, they are assumed to have the size of fit's images.
    """
    return tuple(estimator._target_format.find_row(find_spatial(estimator, X)))


def find_spatial(estimator: FittedOnImages, X: object) -> tuple[int, ...]:
    """Return height and width of the images of X, or in fit if X does not state them."""
    layout = estimator._format.layout
    row = tuple(getattr(X, "shape", ()))[1:]
    if len(row) == 2:  # images without an axis of channels
        return row
    if len(row) == 3:
        return row[:2] if layout.is_channels_last else row[1:]
    # flattened images, and collections without a shape
    return tuple(layout.spatial)


def proba_shape(estimator: FittedSegmenter, X: object) -> tuple[int, ...]:
    """Return the shape of the probabilities for an image."""
    spatial, n_classes = find_spatial(estimator, X), len(estimator.classes_)
    # for flattened masks, probabilities have one axis of pixels as well
    if estimator._target_format.n_dims == 2:
        spatial = (int(np.prod(spatial)),)
    is_last = estimator._format.layout.is_channels_last
    return (*spatial, n_classes) if is_last else (n_classes, *spatial)


def explained_in_blocks(
    compare: Callable[[object, object], tuple[NDArray, NDArray]], pairs: Blocks, n_channels: int
) -> float:
    """Return the share of the variance of all pixels that predictions explain, in one pass.

    Parameters
    ----------
    compare : callable
        Takes a block of X and a block of y; returns the targets and the predictions as maps.
    pairs : Pairs or PairsOfOne
    n_channels : int
        Number of channels of y.
    """
    explained = ExplainedShare(n_channels)
    for number, pair in pairs.read():
        if not is_empty(pair):
            with pairs.naming(number):
                # (n, n_channels, height, width) -> (n * height * width, n_channels)
                explained.add(*map(as_pixels, compare(*pair)))
    return explained.share
