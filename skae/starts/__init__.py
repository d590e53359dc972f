"""Linear optima at which networks start: mathematics of arrays, to be read beside the papers."""

from skae.starts._pca_start import PCAStart
from skae.starts._variational import VariationalStart

__all__ = ["PCAStart", "VariationalStart"]
