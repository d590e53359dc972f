"""Densities over codes, from which `sample` draws."""

from skae.latent._density import DENSITIES, Density, LatentDensity, draw
from skae.latent._prior import StandardNormal
from skae.latent._support import SupportDensity

__all__ = ["DENSITIES", "Density", "LatentDensity", "StandardNormal", "SupportDensity", "draw"]
