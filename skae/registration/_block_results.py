"""Shapes of what methods give for an image, where images come in blocks."""

from math import prod
from typing import Any


def field_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of a displacement."""
    sizes = tuple(estimator._layout.spatial)
    return len(sizes), *sizes


def class_proba_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of the probabilities of an image's classes."""
    return (len(estimator.classes_),)


def mask_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of the labels of an image's pixels."""
    shape: tuple[int, ...] = estimator._mask_shape
    return shape


def pixel_proba_shape(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of the probabilities of the labels of an image's pixels."""
    sizes, n_classes = tuple(estimator._layout.spatial), len(estimator.classes_)
    sizes = (prod(sizes),) if len(estimator._mask_shape) == 1 else sizes
    return (*sizes, n_classes) if estimator._layout.is_channels_last else (n_classes, *sizes)
