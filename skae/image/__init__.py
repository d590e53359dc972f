"""Estimators whose y is an image: denoising, segmentation, and other maps between images."""

from skae.image._regressor import ImageToImageRegressor
from skae.image._segmenter import ImageSegmenter

__all__ = ["ImageSegmenter", "ImageToImageRegressor"]
