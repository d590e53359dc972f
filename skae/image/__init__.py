"""Estimators whose y is an image: denoising, colours, and other maps from images to images."""

from skae.image._colorizer import ImageColorizer
from skae.image._regressor import ImageToImageRegressor

__all__ = ["ImageColorizer", "ImageToImageRegressor"]
