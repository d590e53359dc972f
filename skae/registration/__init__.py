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

# pickles and lists of trusted types name the public path, so that files may move
for _estimator in (AtlasSegmenter, DiffeomorphicAutoencoder, GeoSICClassifier):
    _estimator.__module__ = "skae.registration"
