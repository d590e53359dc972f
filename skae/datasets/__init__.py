"""Generated data with known ground truth."""

from skae.datasets._deformed_shapes import make_deformed_shapes

__all__ = ["make_deformed_shapes"]
