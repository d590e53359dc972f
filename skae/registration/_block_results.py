"""Shapes of the results for an image, for images in blocks."""

from math import prod
from typing import Protocol

from numpy.typing import NDArray

from skae.networks import ImageLayout


class FittedOnImages(Protocol):
    """A fitted estimator of images or volumes."""

    _layout: ImageLayout


class FittedClassifier(Protocol):
    """A fitted estimator that classifies images or pixels."""

    classes_: NDArray


class FittedSegmenter(FittedClassifier, FittedOnImages, Protocol):
    """A fitted estimator that labels pixels."""

    _mask_shape: tuple[int, ...]


def field_shape(estimator: FittedOnImages, X: object) -> tuple[int, ...]:
    """Return the shape of a displacement."""
    sizes = tuple(estimator._layout.spatial)
    return len(sizes), *sizes


def class_proba_shape(estimator: FittedClassifier, X: object) -> tuple[int, ...]:
    """Return the shape of the probabilities of an image's classes."""
    return (len(estimator.classes_),)


def mask_shape(estimator: FittedSegmenter, X: object) -> tuple[int, ...]:
    """Return the shape of the labels of an image's pixels."""
    return estimator._mask_shape


def pixel_proba_shape(estimator: FittedSegmenter, X: object) -> tuple[int, ...]:
    """Return the shape of the probabilities of the labels of an image's pixels."""
    sizes, n_classes = tuple(estimator._layout.spatial), len(estimator.classes_)
    # for flattened masks, probabilities have one axis of pixels as well
    sizes = (prod(sizes),) if len(estimator._mask_shape) == 1 else sizes
    return (*sizes, n_classes) if estimator._layout.is_channels_last else (n_classes, *sizes)
