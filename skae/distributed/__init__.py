"""Fits by many processes: those of torchrun, and the workers of dask."""

from skae.distributed._dask import fit
from skae.distributed._group import Place, group

__all__ = ["Place", "fit", "group"]
