"""Estimators whose y is an image: denoising, and other maps from images to images."""

from skae.image._regressor import ImageToImageRegressor

__all__ = ["ImageToImageRegressor"]
