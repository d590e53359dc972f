"""Colours, lines and markers that can be told apart by colour-blind readers and in grey print."""

from __future__ import annotations

from typing import Any, TypeAlias

# keyword arguments of matplotlib, whose types differ
Style: TypeAlias = dict[str, Any]
"""Keyword arguments for a function of matplotlib."""

OKABE_ITO = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "bluish green": "#009E73",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "reddish purple": "#CC79A7",
    "black": "#000000",
    "yellow": "#F0E442",
}
"""Okabe and Ito (2008), Color universal design; yellow, which is pale on paper, comes last."""
LINES = ("-", "--", "-.", ":")
COLORS = tuple(OKABE_ITO.values())[:-1]
MARKERS = ("o", "s", "^", "D", "v", "P")
"""One less than there are colours, so that pairs of colour and marker repeat only after 42."""
SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"
"""Used with limits that are symmetric around zero, which is white."""
GREY = "0.4"
"""Colour of reference lines."""


def class_styles(n_classes: int) -> list[Style]:
    """Return the colour and marker of every class.

    Up to 20 classes have different colours. Colour-blind readers can tell up to ``len(COLORS)`` of
    them apart.
    """
    styles = [point_style(i) for i in range(n_classes)]
    if n_classes <= len(COLORS):
        return styles
    # imported here, since a Display must be importable without matplotlib
    from matplotlib import colormaps

    colors = colormaps["tab10" if n_classes <= 10 else "tab20"]
    return [{**style, "color": colors(i % colors.N)} for i, style in enumerate(styles)]


def point_style(index: int) -> Style:
    """Return the colour and marker of a class."""
    return {"color": COLORS[index % len(COLORS)], "marker": MARKERS[index % len(MARKERS)]}


def line_style(index: int) -> Style:
    """Return the colour, marker and dash pattern of a line."""
    # later lines have smaller markers, so that lines with equal values can all be seen
    size = max(3, 8 - index)
    return {**point_style(index), "linestyle": LINES[index % len(LINES)], "markersize": size}
