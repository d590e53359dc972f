"""What is optional is imported when it is used, and its absence is told."""

import runpy
import sys
from pathlib import Path

import pytest

import skae.export
from skae import AutoencoderTransformer
from skae.export import to_onnx

LIBRARIES = "onnx", "onnxscript", "skl2onnx"
MODULES = sorted(path.name for path in Path(skae.export.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_to_install(library, iris, monkeypatch):
    fitted = AutoencoderTransformer(2, max_iter=0).fit(iris)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=r"needs onnx, onnxscript and skl2onnx.*'skae\[onnx\]'"):
        to_onnx(fitted)


@pytest.mark.parametrize("module", MODULES)
def test_importing_the_package_takes_none_of_them(module, monkeypatch):
    for library in LIBRARIES:
        monkeypatch.setitem(sys.modules, library, None)
    runpy.run_path(str(Path(skae.export.__file__).with_name(module)))
