"""Display of codes as points in the planes of pairs of components."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import type_of_target

from skae._arrays import as_numpy
from skae._types import Transformer
from skae.inspection._axes import require_matplotlib, several_axes
from skae.inspection._codes import encode
from skae.inspection._components import check_components
from skae.inspection._style import COLORS, OKABE_ITO, SEQUENTIAL, Style, class_styles

if TYPE_CHECKING:
    from matplotlib.text import Text

    from skae.inspection._axes import AxesLike

    Group: TypeAlias = tuple[slice | NDArray, Style]

MAX_PAIRED = 4
"""Number of components whose pairs are drawn by default, in six panels."""
MAX_CLASSES = 20
"""Labels with more distinct values than this are drawn on a continuous colour scale."""
LEGEND_ROWS, LEGEND_COLUMNS = 12, 3
"""Largest size of the legend; with more classes there is none."""


class LatentSpaceDisplay:
    """Codes of rows as points, in one plane for every pair of components.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        The codes.

    y : ndarray of shape (n_samples,), default=None
        A class or a number for every row.

    components : sequence of int, default=None
        Indices of at least two components to draw. None: all, or the first four if there are more.

    y_name : str, default=None
        Name of y, for the title of the legend or of the colour bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of the axes.

    axes_ : ndarray of matplotlib Axes of shape (n_pairs,)
        All axes, one for each pair of components: (0, 1), (0, 2), ...

    figure_ : matplotlib Figure
        Figure with the axes.

    scatters_ : list of list of matplotlib PathCollection
        The points of each class, for every pair; classes are sorted.

    texts_ : list of matplotlib Text
        Names of the classes at the medians of their points, if there are more than seven classes:
        colour-blind readers could not tell so many colours apart.

    legend_ : matplotlib Legend or None
        The legend, if y holds at most 36 classes.

    colorbar_ : matplotlib Colorbar or None
        The colour bar, if y holds numbers.

    See Also
    --------
    LatentTraversalDisplay : Shows the reconstructions of codes.

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

    texts_: list[Text]

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
        estimator: Transformer,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        components: Sequence[int] | None = None,
        scatter_kwargs: Style | None = None,
        ax: AxesLike = None,
    ) -> Self:
        """Draw the codes of X.

        Parameters
        ----------
        estimator : fitted estimator
            Has `transform`; a Pipeline may be given.
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Rows to encode.
        y : array-like of shape (n_samples,), default=None
            A class or a number for every row. Numbers have a colour bar if some of them are not
            whole or if there are more than twenty distinct ones. All other values are classes.
        components : sequence of int, default=None
            Indices of at least two components to draw. None: all, or the first four if there are
            more.
        scatter_kwargs : dict, default=None
            Passed to the `scatter` of matplotlib, such as ``{"s": 4, "alpha": 0.5}``.
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None creates a figure. A single one is divided for several pairs.

        Returns
        -------
        display : :class:`LatentSpaceDisplay`
            The Display, after drawing.

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

    def plot(self, ax: AxesLike = None, *, scatter_kwargs: Style | None = None) -> Self:
        """Draw the codes.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None creates a figure. A single one is divided for several pairs.
        scatter_kwargs : dict, default=None
            Passed to the `scatter` of matplotlib.

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
        # the fewer points, the larger they are drawn
        style = {"s": np.clip(4000 / len(self.codes), 8, 25), "linewidths": 0}
        # options of the user override all others, the colours of classes included
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
                f"components={self.components!r} instead."
            )
        return chosen

    def _holds_classes(self) -> bool:
        # strings and bools are classes; so are ints and whole floats with few distinct values
        return self.y is not None and (
            self.y.dtype.kind not in "iuf"
            or (
                type_of_target(self.y) in ("binary", "multiclass")
                and len(np.unique(self.y)) <= MAX_CLASSES
            )
        )

    def _group(self) -> list[Group]:
        """Return the rows that are drawn together, and the style of their points."""
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
        """Write the names of the classes among their points if there are too many for colours."""
        from matplotlib.patheffects import withStroke

        self.texts_ = []
        if not self._holds_classes() or len(self.scatters_[0]) <= len(COLORS):
            return
        # a white border keeps names readable on top of points
        halo = [withStroke(linewidth=2.5, foreground="white")]
        for ax, scatters in zip(self.axes_, self.scatters_, strict=True):
            for points in scatters:
                middle = np.median(np.asarray(points.get_offsets()), axis=0)
                text = ax.text(*middle, points.get_label(), ha="center", va="center")
                text.set(weight="bold", path_effects=halo)
                self.texts_.append(text)

    def _explain(self, n_cols: int) -> None:
        """Draw the legend of classes or the colour bar of numbers."""
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
            # points may be small and transparent, but must be visible in the legend
            for handle in self.legend_.legend_handles:
                handle.set(alpha=1, sizes=[30])
        elif self.y is not None:
            self.colorbar_ = self.figure_.colorbar(
                self.scatters_[0][0], ax=list(self.axes_), label=self.y_name or "y"
            )


def _check_labels(y: ArrayLike) -> NDArray:
    """Return y as an array; raise ValueError if values are missing, infinite or of mixed types."""
    labels: NDArray = column_or_1d(as_numpy(y), input_name="y")
    if not _are_complete(labels):
        raise ValueError(
            "y must hold classes of one type, or finite numbers, but has values that are missing, "
            "not finite or of another type. Remove their rows from X and y, or replace the values."
        )
    return labels


def _are_complete(labels: NDArray) -> bool:
    if labels.dtype.kind == "f":
        return bool(np.isfinite(labels).all())
    try:
        np.unique(labels)
    except TypeError:
        # None cannot be compared with strings or numbers
        return False
    # NaN among objects is the only float that differs from itself
    return not any(isinstance(label, float) and label != label for label in labels)
