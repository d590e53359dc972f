"""Deformations of images and volumes: registration, and atlases that are learned with it."""

from skae.registration._atlas_segmenter import AtlasSegmenter
from skae.registration._diffeomorphic import DiffeomorphicAutoencoder
from skae.registration._geosic import GeoSICClassifier
from skae.registration._warping import jacobian_determinant, warp_images

__all__ = [
    "AtlasSegmenter",
    "DiffeomorphicAutoencoder",
    "GeoSICClassifier",
    "jacobian_determinant",
    "warp_images",
]
