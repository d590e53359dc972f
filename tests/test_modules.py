"""Public modules are there when they are named, and not before."""

import subprocess
import sys

import pytest

import skae


def test_modules_are_found():
    code = """
import sys, skae
assert "skae.inspection" not in sys.modules
for name in skae.MODULES:
    assert getattr(skae, name).__all__
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {*skae.MODULES, *skae.__all__} == set(dir(skae))


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'skae' has no attribute 'PCA'"):
        skae.PCA  # noqa: B018
