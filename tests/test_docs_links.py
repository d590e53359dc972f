"""Links between pages lead somewhere, where they are read as files as well as on the site."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
CODE = re.compile(r"^```.*?^```$|`[^`]+`", re.M | re.S)


def _name(page):
    return str(page.relative_to(ROOT))


def _anchors(page):
    """Return what headings are called in links: lower case, and hyphens for spaces."""
    headings = HEADING.findall(re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _links(page):
    return LINK.findall(CODE.sub("", page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links(page):
    for link in _links(page):
        if link.startswith("https:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def test_there_are_links():
    assert sum(len(_links(page)) for page in PAGES) > 80


def test_every_page_is_linked_to():
    targets = {
        (page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in _links(page)
    }
    unlinked = {_name(page) for page in PAGES if page.parent != ROOT} - {
        str(target.relative_to(ROOT)) for target in targets if target.is_relative_to(ROOT)
    }
    # of the site alone: their toctrees have them
    assert unlinked <= {
        "docs/index.md",
        "docs/changelog.md",
        "docs/contributing/index.md",
        "docs/coming_from/index.md",
    }
