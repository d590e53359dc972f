"""Densities over codes: what `sample` draws from."""

from skae.latent._density import DENSITIES, LatentDensity

__all__ = ["DENSITIES", "LatentDensity"]
