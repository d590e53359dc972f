"""Generated data whose truth is known."""

from skae.datasets._deformed_shapes import make_deformed_shapes

__all__ = ["make_deformed_shapes"]
