"""Estimators whose y is an image: denoising, colours, segmentation, and other maps of images."""

from skae.image._colorizer import ImageColorizer
from skae.image._regressor import ImageToImageRegressor
from skae.image._segmenter import ImageSegmenter

__all__ = ["ImageColorizer", "ImageSegmenter", "ImageToImageRegressor"]

# pickles and lists of trusted types name the public path, so that files may move
for _estimator in (ImageColorizer, ImageSegmenter, ImageToImageRegressor):
    _estimator.__module__ = "skae.image"
