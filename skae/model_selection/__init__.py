"""Choosing the width of a bottleneck, and comparing autoencoders with PCA."""

from skae.model_selection._bottleneck_curve import bottleneck_curve
from skae.model_selection._comparison import compare_with_pca

__all__ = ["bottleneck_curve", "compare_with_pca"]
