"""The commands that a newcomer is told."""

from pathlib import Path

ROOT = Path(__file__).parent.parent


def _commands():
    blocks = (ROOT / "README.md").read_text().split("```")[1::2]
    return [block.removeprefix("sh\n").strip() for block in blocks if block.startswith("sh\n")]


def test_there_are_two_commands_of_one_line():
    first, second = _commands()
    assert "examples/plot_grid_search_vs_pca.py" in first
    assert "pytest" in second
    assert "\n" not in first + second


def test_the_second_is_what_is_run_before_a_change_lands():
    script = (ROOT / ".ci" / "run").read_text().replace("--quiet ", "")
    assert _commands()[1] in script
