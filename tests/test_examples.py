"""The examples are short and save a picture; `.ci/run` runs them."""

import ast
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path):
    text = path.read_text()
    assert len(text.splitlines()) < 60
    title, underline, *_ = ast.get_docstring(ast.parse(text)).splitlines()
    assert underline == "=" * len(title)
    assert f'"{path.stem.removeprefix("plot_")}.png"' in text


def test_there_are_enough():
    assert len(EXAMPLES) >= 12
