"""The how-tos lead to a package that works: their steps are taken literally, in a copy of it.

A step is a code block under a line that ends with the name of a file and a colon. Python is a new
file; a diff is an edit of one, with the parts of the file that it changes between lines of "@@".
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "contributing"
STEP = re.compile(
    r"`(?P<path>[\w/]+\.py)`:\n\n(?P<block>(?P<indent> *)```(?P<kind>python|py|diff)\n"
    r"(?P<text>.*?)^(?P=indent)```$)",
    re.M | re.S,
)
NAMED = re.compile(r"`((?:skae|tests|docs|examples)/[\w/]+\.\w+)`")
SCRIPT = "try_it.py"
STEPS = {
    "likelihood": {
        "skae/objectives/_laplace.py",
        "skae/objectives/__init__.py",
        "skae/estimators/_likelihood.py",
        "skae/fitting/_state.py",
        "tests/objectives/test_likelihoods.py",
    },
    "penalty": {
        "skae/objectives/_smooth.py",
        "skae/objectives/__init__.py",
        "skae/fitting/_parameters.py",
        "skae/estimators/_reconstruction.py",
        "skae/estimators/_autoencoder.py",
        "skae/estimators/_conv.py",
    },
    "estimator": {
        "skae/estimators/_plain.py",
        "skae/estimators/__init__.py",
        "skae/__init__.py",
        "skae/_registry.py",
        "tests/test_registry.py",
    },
}
"""The files that each page creates or changes, beside the script that tries the result."""
TESTS = {
    "likelihood": ["tests/objectives/test_likelihoods.py", "-k", "laplace"],
    "penalty": [],
    # no page names it
    "estimator": ["tests/test_registry.py", "-k", "PlainAutoencoder and not pages"],
}
"""The tests that hold of what was added."""
RUN = """
import runpy, sys, pytest, skae
folder, *tests = sys.argv[1:]
assert skae.__file__ == folder + "/skae/__init__.py", skae.__file__
runpy.run_path("try_it.py")
if tests:
    options = "-q", "-n", "0", "-p", "no:cacheprovider"
    assert pytest.main([*options, *tests]) == pytest.ExitCode.OK
"""


def _list_steps(page):
    text = (PAGES / f"{page}.md").read_text()
    return [
        (step["path"], step["kind"], re.sub(f"^{step['indent']}", "", step["text"], flags=re.M))
        for step in STEP.finditer(text)
    ]


def _edit(text, diff):
    """Return a file's text after a diff; each of its parts must be found exactly once."""
    for part in re.split(r"^@@$\n", diff, flags=re.M):
        lines = part.splitlines()
        assert all(line[:1] in " +-" for line in lines), part
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
        new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
        places = re.findall(f"^(?={re.escape(old)})", text, re.M)
        assert len(places) == 1, f"{part}\nis not once in the file."
        text = f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]
    return text


def _take(folder, path, kind, text):
    """Create or change a file in a copy of the package."""
    target = folder / path
    if kind == "diff":
        text = _edit(target.read_text(), text)
    else:
        assert not target.exists(), f"{path} is there already."
    target.write_text(text)


def _copy_package(folder):
    for name in "skae", "tests":
        left_out = shutil.ignore_patterns("__pycache__", "*.safetensors", "data")
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    shutil.copy(ROOT / "pyproject.toml", folder)


@pytest.mark.parametrize("page", STEPS)
def test_the_steps_lead_to_a_package_that_works(page, tmp_path):
    steps = _list_steps(page)
    assert {path for path, _, _ in steps} == STEPS[page] | {SCRIPT}
    _copy_package(tmp_path)
    for step in steps:
        _take(tmp_path, *step)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUN, str(tmp_path), *TESTS[page]]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_pages_name_files_that_are_there():
    created = {path for page in STEPS for path, kind, _ in _list_steps(page) if kind != "diff"}
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {path for page in pages for path in NAMED.findall(page.read_text())}
    assert len(named) > 20
    lost = {path for path in named - created if not (ROOT / path).exists()}
    assert lost <= {"docs/_build/index.html"}  # built by Sphinx


@pytest.mark.parametrize(
    ("text", "diff", "edited"),
    [
        ("a\nb\nc\n", " a\n+x\n b\n", "a\nx\nb\nc\n"),
        ("a\nb\nc\n", "-b\n+x\n@@\n c\n+y\n", "a\nx\nc\ny\n"),
        ("a\n\nb\n", " a\n \n+x\n", "a\n\nx\nb\n"),
    ],
)
def test_an_edit_is_what_a_diff_says(text, diff, edited):
    assert _edit(text, diff) == edited


@pytest.mark.parametrize(("text", "diff"), [("a\nb\n", " x\n+y\n"), ("a\na\n", " a\n+y\n")])
def test_an_edit_needs_its_place_exactly_once(text, diff):
    with pytest.raises(AssertionError, match="is not once in the file"):
        _edit(text, diff)
