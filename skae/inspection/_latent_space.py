"""Where rows lie among the codes."""

from collections.abc import Sequence
from itertools import combinations
from math import ceil
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import type_of_target

from skae._arrays import as_numpy
from skae.inspection._axes import require_matplotlib, several_axes
from skae.inspection._codes import encode
from skae.inspection._components import check_components
from skae.inspection._style import COLORS, OKABE_ITO, SEQUENTIAL, class_styles

MAX_PAIRED = 4
"""Components whose pairs are drawn by default: six panels."""
MAX_CLASSES = 20
"""Of more different numbers, colours tell their size."""
LEGEND_ROWS, LEGEND_COLUMNS = 12, 3
"""Classes below and beside each other in the legend; more have none."""


class LatentSpaceDisplay:
    """Codes of rows as points in the plane of two components, or of every pair of several.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        The codes.

    y : ndarray of shape (n_samples,), default=None
        A class or a number for every row.

    components : sequence of int, default=None
        Which of the components to draw, at least two. None: all, and of more than four the first
        four.

    y_name : str, default=None
        What y is: the title of the legend, or of the colour bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of the axes.

    axes_ : ndarray of matplotlib Axes of shape (n_pairs,)
        All axes, one for each pair of components: (0, 1), (0, 2), ...

    figure_ : matplotlib Figure
        Figure with the axes.

    scatters_ : list of list of matplotlib PathCollection
        For each pair, the points of each class; in the order of the classes.

    texts_ : list of matplotlib Text
        Names of the classes at their medians, where there are more than seven, whose colours are
        alike to the colour-blind.

    legend_ : matplotlib Legend or None
        The classes, if y holds classes, and at most 36 of them.

    colorbar_ : matplotlib Colorbar or None
        The numbers, if y holds numbers.

    See Also
    --------
    LatentTraversalDisplay : What lies where.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.inspection import LatentSpaceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(X)
    >>> display = LatentSpaceDisplay.from_estimator(autoencoder, X, y)
    >>> len(display.scatters_[0])
    3
    """

    def __init__(
        self,
        *,
        codes: NDArray,
        y: NDArray | None = None,
        components: Sequence[int] | None = None,
        y_name: str | None = None,
    ) -> None:
        self.codes = codes
        self.y = y
        self.components = components
        self.y_name = y_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        components: Sequence[int] | None = None,
        scatter_kwargs: dict[str, Any] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the codes of X.

        Parameters
        ----------
        estimator : fitted estimator
            Has `transform`; a Pipeline may be given.
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Rows to encode.
        y : array-like of shape (n_samples,), default=None
            A class or a number for every row. Floats that are no whole numbers, and more than
            twenty different numbers, are numbers and get a colour bar; all else are classes.
        components : sequence of int, default=None
            Which of the components to draw, at least two. None: all, and of more than four the
            first four.
        scatter_kwargs : dict, default=None
            Passed on to the `scatter` of matplotlib, such as ``{"s": 4, "alpha": 0.5}``.
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None makes a figure. Several pairs divide a single one.

        Returns
        -------
        display : :class:`LatentSpaceDisplay`
            The Display with what it has drawn.

        Raises
        ------
        TypeError
            If the estimator has no `transform`.
        ValueError
            If there are fewer than two components, if values of y are missing or not finite, or
            if a parameter is not valid.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib(cls)
        codes = encode(estimator, X)
        labels = None if y is None else _check_labels(y)
        check_consistent_length(codes, labels)
        name = getattr(y, "name", None)
        display = cls(codes=codes, y=labels, components=components, y_name=name)
        return display.plot(ax, scatter_kwargs=scatter_kwargs)

    def plot(self, ax: Any = None, *, scatter_kwargs: dict[str, Any] | None = None) -> Self:
        """Draw the codes.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None makes a figure. Several pairs divide a single one.
        scatter_kwargs : dict, default=None
            Passed on to the `scatter` of matplotlib.

        Returns
        -------
        display : :class:`LatentSpaceDisplay`
            This Display.
        """
        pairs = list(combinations(self._check_components(), 2))
        n_cols = min(3, len(pairs))
        size = (5.5, 4.2) if len(pairs) == 1 else (3.2, 2.9)
        self.axes_ = several_axes(type(self), ax, len(pairs), n_cols, size)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        # fewer points are larger
        style = {"s": np.clip(4000 / len(self.codes), 8, 25), "linewidths": 0}
        style |= scatter_kwargs or {}
        groups = self._group()
        self.scatters_ = []
        for one, (i, j) in zip(self.axes_, pairs, strict=True):
            self.scatters_.append(
                [
                    one.scatter(*self.codes[rows][:, [i, j]].T, **({**own, **style}))
                    for rows, own in groups
                ]
            )
            one.set(xlabel=f"component {i}", ylabel=f"component {j}")
        self._name_classes()
        self._explain(n_cols)
        return self

    def _check_components(self) -> list[int]:
        n_components = self.codes.shape[1]
        chosen = check_components(self.components, n_components, MAX_PAIRED)
        if len(chosen) < 2:
            raise ValueError(
                f"A plane needs at least two components out of {n_components}. Got "
                f"components={self.components!r}."
            )
        return chosen

    def _holds_classes(self) -> bool:
        return self.y is not None and (
            self.y.dtype.kind not in "iuf"
            or (
                type_of_target(self.y) in ("binary", "multiclass")
                and len(np.unique(self.y)) <= MAX_CLASSES
            )
        )

    def _group(self) -> list[tuple[Any, dict[str, Any]]]:
        """Return which rows are drawn together, and how."""
        everything = slice(None)
        if self.y is None:
            return [(everything, {"color": OKABE_ITO["blue"]})]
        if not self._holds_classes():
            return [(everything, {"c": self.y, "cmap": SEQUENTIAL})]
        labels = np.unique(self.y)
        return [
            (self.y == label, {**style, "label": str(label)})
            for label, style in zip(labels, class_styles(len(labels)), strict=True)
        ]

    def _name_classes(self) -> None:
        """Write the classes among their points, if colours are not enough."""
        from matplotlib.patheffects import withStroke

        self.texts_ = []
        if not self._holds_classes() or len(self.scatters_[0]) <= len(COLORS):
            return
        halo = [withStroke(linewidth=2.5, foreground="white")]
        for ax, scatters in zip(self.axes_, self.scatters_, strict=True):
            for points in scatters:
                middle = np.median(np.asarray(points.get_offsets()), axis=0)
                text = ax.text(*middle, points.get_label(), ha="center", va="center")
                text.set(weight="bold", path_effects=halo)
                self.texts_.append(text)

    def _explain(self, n_cols: int) -> None:
        """Draw the legend, or the colour bar, of what there is."""
        self.legend_ = self.colorbar_ = None
        n_classes = len(self.scatters_[0])
        if self._holds_classes():
            if n_classes > LEGEND_ROWS * LEGEND_COLUMNS:
                return
            # to the right of the first row of axes
            self.legend_ = self.axes_[n_cols - 1].legend(
                title=self.y_name,
                loc="upper left",
                bbox_to_anchor=(1, 1),
                ncols=ceil(n_classes / LEGEND_ROWS),
                frameon=False,
            )
            for handle in self.legend_.legend_handles:
                handle.set(alpha=1, sizes=[30])
        elif self.y is not None:
            self.colorbar_ = self.figure_.colorbar(
                self.scatters_[0][0], ax=list(self.axes_), label=self.y_name or "y"
            )


def _check_labels(y: ArrayLike) -> NDArray:
    """Return a class, or a finite number, for every row."""
    labels: NDArray = column_or_1d(as_numpy(y), input_name="y")
    if not _are_complete(labels):
        raise ValueError(
            "y must hold classes of one type, or finite numbers, but has values that are missing, "
            "not finite or of another type. Leave their rows out of X and y, or name them."
        )
    return labels


def _are_complete(labels: NDArray) -> bool:
    if labels.dtype.kind == "f":
        return bool(np.isfinite(labels).all())
    try:
        np.unique(labels)
    except TypeError:
        # None and the like have no order
        return False
    return not any(isinstance(label, float) and label != label for label in labels)
