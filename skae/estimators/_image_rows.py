"""Estimators whose rows are images, flattened inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from skae.estimators._torch_estimator import TorchEstimator
from skae.networks import ImageLayout
from skae.rows._image_shape import accepts, find_layout
from skae.rows._validation import detached, reading


class ImageRowsMixin(TorchEstimator):
    """Takes images, flattens them, and gives results the shape they had in fit.

    For estimators with the parameters `image_shape` and `channels`; it comes before other bases.
    """

    _layout: ImageLayout
    _row_shape: tuple[int, ...]
    image_shape_: tuple[int, ...]
    image_shape: Sequence[int] | None
    channels: str
    _listed_from = None

    def _validate(self, X: Any, *, reset: bool) -> NDArray:
        """Return images as rows, in X's order."""
        X = detached(X)
        with reading():
            shape = tuple(map(int, (X if hasattr(X, "shape") else np.asarray(X)).shape))
        row = shape[1:]
        if not reset:
            refuse_single(shape, self)
        if len(row) > 1:
            with reading():
                X = check_array(
                    X, dtype=[np.float64, np.float32], allow_nd=True, estimator=self, input_name="X"
                )
            if not reset:
                check_images(row, self)
            X = X.reshape(len(X), -1)  # (n, *row) -> (n, n_features)
        X = super()._validate(X, reset=reset)
        if reset:
            # a dataframe or a flat array has no other shape than its number of features
            row = row if len(row) > 1 else X.shape[1:]
            self._layout = find_layout(row, self.image_shape, self.channels)
            self._row_shape = row
            self.image_shape_ = self._layout.shape
        return X

    def _describe_features(self) -> object:
        names = getattr(self, "feature_names_in_", None)
        if names is not None:
            return names.tolist()
        if len(self._row_shape) == 1:
            return f"flattened images of shape {self.image_shape_}"
        return f"images of shape {self._row_shape}"

    def _in_given_shape(self, rows: NDArray) -> NDArray:
        return rows.reshape(len(rows), *self._row_shape)


def refuse_single(shape: tuple[int, ...], estimator: ImageRowsMixin) -> None:
    """Raise ValueError if an array of this shape is one image; flat ones say so themselves."""
    layout = estimator._layout
    # an array of images may have the shape of an image, too: it is taken as the former
    is_image = len(shape) > 1 and accepts(shape, layout)
    if is_image and not accepts(shape[1:], layout):
        raise ValueError(
            f"X has shape {shape}, which is that of a single image, but "
            f"{type(estimator).__name__} is expecting an array of images. Give X[None] for an "
            "array of one."
        )


def check_images(row: tuple[int, ...], estimator: ImageRowsMixin) -> None:
    """Raise ValueError if rows of this shape are not the images that were seen in fit."""
    if not accepts(row, estimator._layout):
        raise ValueError(
            f"X has images of shape {row}, but {type(estimator).__name__} is expecting images of "
            f"shape {estimator.image_shape_}, or flattened ones, as in fit."
        )


def check_hidden_channels(hidden_channels: object) -> tuple[int, ...]:
    """Return the parameter `hidden_channels` as a tuple, if it is a sequence of positive ints."""
    widths = np.asarray(hidden_channels)
    if widths.ndim != 1 or not widths.size or widths.dtype.kind not in "iu" or widths.min() < 1:
        raise ValueError(
            "The 'hidden_channels' parameter must be a sequence of ints, all at least 1. Got "
            f"{hidden_channels!r} instead."
        )
    return tuple(int(width) for width in widths)
