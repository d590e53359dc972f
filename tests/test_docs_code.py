"""The Python code of the pages runs, page by page, from the first block to the last."""

import re
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```python\n(?P<code>.*?)^```$", re.M | re.S
)
GIVEN = {"README.md": {"X": load_wine().data}}
"""Names that stand for what a reader has."""


def _blocks(page):
    return list(BLOCK.finditer(page.read_text()))


def _name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page)], ids=_name)
def test_code(page):
    namespace = dict(GIVEN.get(_name(page), {}))
    for block in _blocks(page):
        if block["reason"] is None:
            # lines are counted as in the page
            n_before = page.read_text()[: block.start("code")].count("\n")
            exec(compile("\n" * n_before + block["code"], page, "exec"), namespace)


def test_few_blocks_are_not_run():
    blocks = [block for page in PAGES for block in _blocks(page)]
    assert len(blocks) > 40
    assert sum(block["reason"] is not None for block in blocks) <= 5
