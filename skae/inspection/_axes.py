"""Axes to draw in, given by the user or created, and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import GridSpecBase, SubplotSpec

    AxesLike: TypeAlias = Axes | Sequence[Axes] | NDArray | None

Names = Sequence[str] | NDArray
MAX_NAMES = 40
"""Largest number of features whose names are shown; more features are numbered."""


def require_matplotlib(caller: type) -> None:
    """Raise ImportError if matplotlib is missing; called before anything is computed."""
    # a long computation must not end with a missing import
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller.__name__} needs matplotlib. Install it with: pip install 'skae[plot]'"
        ) from error


def single_axes(caller: type, ax: Axes | None, figsize: tuple[float, float]) -> Axes:
    """Return the given axes, or the axes of a new figure of this size."""
    require_matplotlib(caller)
    if ax is None:
        import matplotlib.pyplot as plt

        _, created = plt.subplots(figsize=figsize, layout="constrained")
        return created
    from matplotlib.axes import Axes

    if isinstance(ax, Axes):
        return ax
    raise ValueError(
        f"ax must be a single matplotlib Axes for this plot of {caller.__name__}. Got an instance "
        f"of {type(ax).__name__} instead."
    )


def several_axes(
    caller: type,
    ax: AxesLike,
    n_axes: int,
    n_cols: int,
    panel_size: tuple[float, float],
    *,
    is_shared: bool = False,
) -> NDArray:
    """Return the axes to draw in, as an array of shape (n_axes,).

    Parameters
    ----------
    caller : type
        The Display, which is named in error messages.
    ax : None, Axes or array-like of Axes
        None creates a figure. A single one is hidden and its place divided among all axes, as in
        scikit-learn's PartialDependenceDisplay.
    n_axes, n_cols : int
        Number of axes, and of axes in a row.
    panel_size : tuple of float
        Width and height in inches of each of the axes in a new figure.
    is_shared : bool
        Whether all axes have the same limits.
    """
    require_matplotlib(caller)
    from matplotlib.axes import Axes

    # the number of rows is rounded up
    shape = -(-n_axes // n_cols), n_cols
    if ax is None:
        import matplotlib.pyplot as plt

        size = n_cols * panel_size[0], shape[0] * panel_size[1]
        figure = plt.figure(figsize=size, layout="constrained")
        return _fill(figure, figure.add_gridspec(*shape), n_axes, is_shared)
    if isinstance(ax, Axes):
        if n_axes == 1:
            return _as_array([ax])
        return _fill(ax.figure, _give_place(ax).subgridspec(*shape), n_axes, is_shared)
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != n_axes or not all(isinstance(one, Axes) for one in axes):
        raise ValueError(
            f"Expected ax to have {n_axes} axes, got {len(axes)}. Give None, a single matplotlib "
            f"Axes, which is divided, or an array with {n_axes} of them."
        )
    return axes


def _fill(figure: Figure | SubFigure, grid: GridSpecBase, n_axes: int, is_shared: bool) -> NDArray:
    """Add axes to the first cells of a grid."""
    axes: list[Axes] = []
    # the last row of the grid may have more cells than there are axes left
    for i in range(n_axes):
        first = axes[0] if axes and is_shared else None
        axes.append(figure.add_subplot(grid[i], sharex=first, sharey=first))
    return _as_array(axes)


def _as_array(axes: Sequence[Axes]) -> NDArray:
    # filled afterwards, since np.array would look for entries inside the axes
    array = np.empty(len(axes), dtype=object)
    array[:] = axes
    return array


def _give_place(ax: Axes) -> SubplotSpec:
    """Hide the axes and return their cell in the figure's grid."""
    # hidden axes were divided before, and their cell has other axes by now
    if not ax.axison:
        raise ValueError(
            "The ax was already divided by another plot. Give the axes of that plot instead: "
            "ax=display.axes_."
        )
    spec = ax.get_subplotspec()
    if spec is None:
        raise ValueError(
            "A single ax that is to be divided must be a subplot. Give one from plt.subplots(), or "
            "an array of axes."
        )
    ax.set_axis_off()
    return spec


def hide_inner_labels(axes: NDArray, n_cols: int) -> None:
    """Hide labels that are repeated by axes below or to the left."""
    for i, ax in enumerate(axes):
        if i + n_cols < len(axes):
            ax.tick_params(labelbottom=False)
            ax.set_xlabel("")
        if i % n_cols:
            ax.tick_params(labelleft=False)


def number_features(ax: Axes, n_features: int) -> None:
    """Label the x axis with the numbers of features, such as positions in a signal."""
    ax.set(xlim=(-0.5, n_features - 0.5), xlabel="feature")
    tick_whole_numbers(ax)


def tick_whole_numbers(ax: Axes) -> None:
    """Place ticks of the x axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def name_features(ax: Axes, names: Sequence[str]) -> None:
    """Label the y axis with the names of features, from top to bottom."""
    ax.set_yticks(range(len(names)), labels=names)
    # the larger limit first: the axis points downwards
    ax.set_ylim(len(names) - 0.5, -0.5)


def names_to_show(names: Names | None) -> list[str] | None:
    """Return the names of features, or None if there are none or more than `MAX_NAMES`."""
    return None if names is None or len(names) > MAX_NAMES else [str(name) for name in names]


def named_height(n_features: int) -> float:
    """Return the height in inches of axes whose y axis names the features."""
    return max(2.4, 1.0 + 0.22 * n_features)
