"""Axes to draw in: given ones, or new ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Names = Sequence[str] | NDArray
MAX_NAMES = 40
"""Features that are named on an axis, one by one; of more, their numbers are shown."""


def require_matplotlib(caller: type) -> None:
    """Raise ImportError if a Display cannot be drawn; to be called before anything is computed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller.__name__} needs matplotlib. Install it with: pip install 'skae[plot]'"
        ) from error


def single_axes(caller: type, ax: Any, figsize: tuple[float, float]) -> Any:
    """Return the axes to draw in: those that are given, or those of a new figure."""
    require_matplotlib(caller)
    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots(figsize=figsize, layout="constrained")[1]
    from matplotlib.axes import Axes

    if isinstance(ax, Axes):
        return ax
    raise ValueError(
        f"ax must be a single matplotlib Axes for what {caller.__name__} draws here. Got an "
        f"instance of {type(ax).__name__} instead."
    )


def several_axes(
    caller: type,
    ax: Any,
    n_axes: int,
    n_cols: int,
    panel_size: tuple[float, float],
    *,
    is_shared: bool = False,
) -> NDArray:
    """Return axes to draw in, an array of shape (n_axes,).

    Parameters
    ----------
    ax : None, Axes or array-like of Axes
        None makes a figure. A single one gives its place to all axes, as in scikit-learn's
        PartialDependenceDisplay.
    n_axes, n_cols : int
    panel_size : tuple of float
        Width and height, in inches, of each in a new figure.
    is_shared : bool
        Whether they have their limits in common.
    """
    require_matplotlib(caller)
    from matplotlib.axes import Axes

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
            f"Expected ax to have {n_axes} axes, got {len(axes)}: None, a single matplotlib Axes "
            f"to be divided, or an array with {n_axes} of them."
        )
    return axes


def _fill(figure: Any, grid: Any, n_axes: int, is_shared: bool) -> NDArray:
    axes: list[Any] = []
    for spec, _ in zip(grid, range(n_axes), strict=False):
        first = axes[0] if axes and is_shared else None
        axes.append(figure.add_subplot(spec, sharex=first, sharey=first))
    return _as_array(axes)


def _as_array(axes: Sequence[Any]) -> NDArray:
    array = np.empty(len(axes), dtype=object)
    array[:] = axes
    return array


def _give_place(ax: Any) -> Any:
    """Hide an axes and return its place in the figure."""
    if not ax.axison:
        raise ValueError(
            "The ax was already divided by another plot. Give the axes that it made instead: "
            "ax=display.axes_."
        )
    if ax.get_subplotspec() is None:
        raise ValueError(
            "An ax that is to be divided must be a subplot. Take one from plt.subplots(), or give "
            "an array of axes."
        )
    ax.set_axis_off()
    return ax.get_subplotspec()


def hide_inner_labels(axes: NDArray, n_cols: int) -> None:
    """Hide the labels of axes that share theirs with others below them, or to their left."""
    for i, ax in enumerate(axes):
        if i + n_cols < len(axes):
            ax.tick_params(labelbottom=False)
            ax.set_xlabel("")
        if i % n_cols:
            ax.tick_params(labelleft=False)


def number_features(ax: Any, n_features: int) -> None:
    """Make the x axis one of many features, such as places along a signal."""
    ax.set(xlim=(-0.5, n_features - 0.5), xlabel="feature")
    tick_whole_numbers(ax)


def tick_whole_numbers(ax: Any) -> None:
    """Have no ticks between whole numbers along the x axis."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def name_features(ax: Any, names: Sequence[str]) -> None:
    """Make the y axis one of features with names, downwards."""
    ax.set_yticks(range(len(names)), labels=names)
    ax.set_ylim(len(names) - 0.5, -0.5)


def names_to_show(names: Names | None) -> list[str] | None:
    """Return the names of features, if they are few enough to be named one by one."""
    return None if names is None or len(names) > MAX_NAMES else [str(name) for name in names]


def named_height(n_features: int) -> float:
    """Return the height of axes with named features, in inches."""
    return max(2.4, 1.0 + 0.22 * n_features)
