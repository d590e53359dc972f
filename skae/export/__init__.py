"""Export of fitted estimators to ONNX models, which run without Python, torch and scikit-learn."""

from skae.export._onnx import to_onnx

__all__ = ["to_onnx"]
