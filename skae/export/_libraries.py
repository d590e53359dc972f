"""The optional packages that an export needs."""

from importlib import import_module


def check_libraries() -> None:
    """Raise ImportError with installation instructions if a package is missing."""
    try:
        for name in ("onnx", "onnxscript", "skl2onnx"):
            import_module(name)
    except ImportError as error:
        raise ImportError(
            "skae.export needs onnx, onnxscript and skl2onnx. Install them with: "
            "pip install 'skae[onnx]'"
        ) from error
