"""What methods give for images in blocks, and scores of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skae.blocks import Blocks, is_empty
from skae.rows._explained_variance import ExplainedShare
from skae.rows._summaries import as_pixels


def images_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of a prediction for an image of X, which may have another size than in fit.

    Blocks that do not tell it are taken to have that of fit.
    """
    return tuple(estimator._target_format.find_row(find_spatial(estimator, X)))


def find_spatial(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return height and width of the images of X, or of those in fit if X does not tell."""
    layout = estimator._format.layout
    row = tuple(getattr(X, "shape", ()))[1:]
    if len(row) == 2:
        return row
    if len(row) == 3:
        return row[:2] if layout.is_channels_last else row[1:]
    return tuple(layout.spatial)


def proba_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of the probabilities for an image."""
    spatial, n_classes = find_spatial(estimator, X), len(estimator.classes_)
    if estimator._target_format.n_dims == 2:
        spatial = (int(np.prod(spatial)),)
    is_last = estimator._format.layout.is_channels_last
    return (*spatial, n_classes) if is_last else (n_classes, *spatial)


def explained_in_blocks(
    compare: Callable[[Any, Any], tuple[NDArray, NDArray]], pairs: Blocks, n_channels: int
) -> float:
    """Return the share of the variance of all pixels that predictions explain, in one pass.

    Parameters
    ----------
    compare : callable
        From a block of X and one of y to the targets and the predictions, as maps.
    pairs : Pairs or PairsOfOne
    n_channels : int
        Of y.
    """
    explained = ExplainedShare(n_channels)
    for number, pair in pairs.read():
        if not is_empty(pair):
            with pairs.naming(number):
                explained.add(*map(as_pixels, compare(*pair)))
    return explained.share
