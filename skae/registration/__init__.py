"""Deformations of images and volumes: registration, and atlases that are learned with it."""

from skae.registration._warping import jacobian_determinant, warp_images

__all__ = ["jacobian_determinant", "warp_images"]
