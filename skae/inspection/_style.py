"""Colours, lines and markers that differ for the colour-blind, and in print without colours."""

from typing import Any

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
"""Okabe and Ito (2008), Color universal design; the one that is pale on paper last."""
LINES = ("-", "--", "-.", ":")
COLORS = tuple(OKABE_ITO.values())[:-1]
MARKERS = ("o", "s", "^", "D", "v", "P")
"""One less than there are colours: pairs of both repeat late."""
SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"
"""Drawn with limits that are symmetric about zero, which is white."""
GREY = "0.4"
"""Of what is there for orientation."""


def class_styles(n_classes: int) -> list[dict[str, Any]]:
    """Return colour and marker of the points of every class.

    Up to twenty have colours of their own; those of more than `COLORS` do not all differ for the
    colour-blind.
    """
    styles = [point_style(i) for i in range(n_classes)]
    if n_classes <= len(COLORS):
        return styles
    from matplotlib import colormaps

    colors = colormaps["tab10" if n_classes <= 10 else "tab20"]
    return [{**style, "color": colors(i % colors.N)} for i, style in enumerate(styles)]


def point_style(index: int) -> dict[str, Any]:
    """Return colour and marker of the points of a class."""
    return {"color": COLORS[index % len(COLORS)], "marker": MARKERS[index % len(MARKERS)]}


def line_style(index: int) -> dict[str, Any]:
    """Return colour, marker and kind of a line; equal ones can be seen below each other."""
    size = max(3, 8 - index)
    return {**point_style(index), "linestyle": LINES[index % len(LINES)], "markersize": size}
