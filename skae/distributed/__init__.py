"""Fits by several processes together: processes of torchrun, or workers of dask."""

from skae.distributed._dask import fit
from skae.distributed._group import Place, group

__all__ = ["Place", "fit", "group"]
