"""Display of reconstructions while components of their codes vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skae._arrays import as_numpy
from skae._types import Reducer
from skae.inspection._axes import (
    Names,
    hide_inner_labels,
    name_features,
    named_height,
    names_to_show,
    number_features,
    require_matplotlib,
    several_axes,
)
from skae.inspection._codes import decode, find_spread, vary_each, vary_pair
from skae.inspection._components import check_components
from skae.inspection._mosaic import OUTLIERS, Mosaic, figure_size, image_limits
from skae.inspection._rows import are_images, arrange_rows, find_feature_names
from skae.inspection._style import GREY, SEQUENTIAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

    from skae.inspection._axes import AxesLike

Kind = Literal["single", "pair"]
MAX_VARIED = 6
"""Largest number of components that vary by default."""
DEVIATIONS = "change (standard deviations)"


class LatentTraversalDisplay:
    """Reconstructions of codes in which one or two components vary.

    Images are drawn side by side and signals as lines. Rows with named features are drawn as points
    along one line per feature.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    X : ndarray of shape (n_lines, n_values, n_features), (n_lines, n_values, height, width) or \
            (n_lines, n_values, height, width, channels)
        The reconstructions. For "single", there is one line per component, along which it varies.
        For "pair", there is one line per value of the first component, along which the second one
        varies.

    values : ndarray of shape (n_values,)
        The changes of the components, in standard deviations.

    components : sequence of int
        Indices of the components that vary.

    kind : {"single", "pair"}, default="single"
        "single" varies one component at a time, "pair" varies two together.

    feature_names : sequence of str, default=None
        Names of the features. None: rows have no named features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of the axes.

    axes_ : ndarray of matplotlib Axes of shape (1,) or (n_lines,)
        All axes: one for images, or one per component for other rows.

    figure_ : matplotlib Figure
        Figure with the axes.

    image_ : matplotlib AxesImage or None
        The images, if rows are images.

    lines_ : list of matplotlib Line2D or None
        The rows, if they are not images, in the order of the components.

    colorbar_ : matplotlib Colorbar or None
        The colour bar of the values, if rows are not images.

    See Also
    --------
    skae.VAETransformer.traverse : Returns such reconstructions without drawing them.
    AtomsDisplay : Components of linear decoders.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import LatentTraversalDisplay
    >>> X = load_digits().data
    >>> pca = PCA(3).fit(X)
    >>> display = LatentTraversalDisplay.from_estimator(pca, X, image_shape=(8, 8))
    >>> display.X.shape
    (3, 9, 8, 8)
    """

    image_: AxesImage | None
    lines_: list[Line2D] | None
    colorbar_: Colorbar | None

    def __init__(
        self,
        *,
        X: NDArray,
        values: NDArray,
        components: Sequence[int],
        kind: Kind = "single",
        feature_names: Names | None = None,
    ) -> None:
        self.X = X
        self.values = values
        self.components = components
        self.kind = kind
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Reducer,
        X: ArrayLike | None = None,
        *,
        kind: Kind = "single",
        components: int | Sequence[int] | None = None,
        values: ArrayLike | None = None,
        at: ArrayLike | None = None,
        y: object = None,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        cmap: str = "gray",
        ax: AxesLike = None,
    ) -> Self:
        """Vary components of codes, decode the codes, and draw the reconstructions.

        Parameters
        ----------
        estimator : fitted estimator
            Has `inverse_transform`, and `transform` if X is given; a Pipeline may be given.
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), default=None
            Rows from whose codes the mean and standard deviation of each component are computed.
            None: allowed for estimators that know them, which are PCA and `VAETransformer`, whose
            prior is standard normal.
        kind : {"single", "pair"}, default="single"
            "single" varies one component at a time, each in its own line. "pair" varies two, the
            first from line to line and the second along the lines; it is for images only.
        components : int or sequence of int, default=None
            Indices of the components to vary; two of them for "pair". None: the first six, or the
            first two for "pair".
        values : array-like of shape (n_values,), default=None
            The changes of the components, in standard deviations. None: nine values from -2 to 2.
        at : array-like of shape (n_components,), default=None
            The code whose components vary. None: the mean.
        y : class, default=None
            The class to decode, for a conditional `VAETransformer`.
        image_shape : sequence of int, default=None
            Shape of a row as an image: (height, width), with channels first or last if there are
            any. None: the shape that `ConvAutoencoder` was fitted to; rows of other estimators are
            not drawn as images.
        feature_names : sequence of str, default=None
            Names of the features. None: the names that the estimator was fitted with.
        cmap : str, default="gray"
            Colour map of images without channels. "gray_r" draws large values dark.
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None creates a figure. A single one is divided unless rows are images.

        Returns
        -------
        display : :class:`LatentTraversalDisplay`
            The Display, after drawing.

        Raises
        ------
        TypeError
            If the estimator has no `inverse_transform`.
        ValueError
            If X is needed and not given, or if a parameter is not valid.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib(cls)
        if kind not in ("single", "pair"):
            raise ValueError(f"kind must be 'single' or 'pair'. Got {kind!r} instead.")
        spread = find_spread(estimator, X)
        n_components = len(spread.mean)
        varied = _check_varied(components, n_components, kind)
        steps = np.linspace(-2, 2, 9) if values is None else _check_vector("values", values)
        centre = spread.mean if at is None else _check_vector("at", at, n_components)
        vary = vary_pair if kind == "pair" else vary_each
        # (n_lines, n_values, n_components), decoded as a table of rows
        codes = vary(spread, centre, varied, steps)
        decoded = decode(estimator, codes.reshape(-1, n_components), y)
        rows = arrange_rows(decoded, estimator, image_shape)
        names = find_feature_names(estimator, rows, feature_names)
        display = cls(
            X=rows.reshape(*codes.shape[:2], *rows.shape[1:]),
            values=steps,
            components=varied,
            kind=kind,
            feature_names=names,
        )
        return display.plot(ax, cmap=cmap)

    def plot(self, ax: AxesLike = None, *, cmap: str = "gray") -> Self:
        """Draw the reconstructions.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None creates a figure. A single one is divided unless rows are images.
        cmap : str, default="gray"
            Colour map of images without channels.

        Returns
        -------
        display : :class:`LatentTraversalDisplay`
            This Display.
        """
        self.image_ = self.lines_ = self.colorbar_ = None
        if are_images(self.X[0]):
            self._draw_images(ax, cmap)
        elif self.kind == "pair":
            raise ValueError(
                "kind='pair' is for images: give image_shape, or use kind='single' for signals and "
                "tables."
            )
        else:
            self._draw_lines(ax)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        return self

    def _draw_images(self, ax: AxesLike, cmap: str) -> None:
        n_rows, n_cols = self.X.shape[:2]
        images = self.X.reshape(-1, *self.X.shape[2:])
        size = figure_size(n_rows, n_cols, images, 1.5, 0.6)
        self.axes_ = several_axes(type(self), ax, 1, 1, size)
        mosaic = Mosaic(self.axes_[0], n_cols, images.shape[1:])
        self.image_ = mosaic.draw(images, cmap, image_limits(images, OUTLIERS))
        numbers = [f"{value:+.3g}" if value else "0" for value in self.values]
        if self.kind == "single":
            mosaic.label([f"component {i}" for i in self.components], numbers)
            self.axes_[0].set_xlabel(DEVIATIONS)
        else:
            mosaic.label(numbers, numbers)
            first, second = self.components
            self.axes_[0].set(
                xlabel=f"component {second}, {DEVIATIONS}",
                ylabel=f"component {first}, {DEVIATIONS}",
            )

    def _draw_lines(self, ax: AxesLike) -> None:
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        n_lines, _, n_features = self.X.shape
        names = names_to_show(self.feature_names)
        size = (4.2, 2.4) if names is None else (4.4, named_height(n_features))
        n_cols = min(2, n_lines)
        self.axes_ = several_axes(type(self), ax, n_lines, n_cols, size, is_shared=True)
        limits = Normalize(self.values.min(), self.values.max())
        scale = ScalarMappable(limits, colormaps[SEQUENTIAL])
        self.lines_ = []
        for one, rows, component in zip(self.axes_, self.X, self.components, strict=True):
            # shape (n_values, 4)
            colors = scale.to_rgba(self.values)
            if names is None:
                self.lines_ += _draw_signals(one, rows, colors)
            else:
                self.lines_ += _draw_table(one, rows, colors, names)
            one.set_title(f"component {component}", fontsize="medium")
        # axes of the user may lie anywhere, so that theirs keep all labels
        if not np.iterable(ax):
            hide_inner_labels(self.axes_, n_cols)
        self.colorbar_ = self.axes_[0].figure.colorbar(
            scale, ax=list(self.axes_), label=DEVIATIONS, aspect=30
        )


def _draw_signals(ax: Axes, rows: NDArray, colors: NDArray) -> list[Line2D]:
    lines = [
        ax.plot(row, color=color, linewidth=1)[0] for row, color in zip(rows, colors, strict=True)
    ]
    number_features(ax, rows.shape[1])
    return lines


def _draw_table(ax: Axes, rows: NDArray, colors: NDArray, names: list[str]) -> list[Line2D]:
    places = range(rows.shape[1])
    ax.hlines(places, rows.min(axis=0), rows.max(axis=0), color=GREY, linewidth=1, zorder=1)
    lines = [
        ax.plot(row, places, "o", color=color, markersize=5)[0]
        for row, color in zip(rows, colors, strict=True)
    ]
    name_features(ax, names)
    return lines


def _check_varied(components: ArrayLike | None, n_components: int, kind: str) -> list[int]:
    default = 2 if kind == "pair" else MAX_VARIED
    varied = check_components(components, n_components, default)
    if kind == "pair" and len(varied) != 2:
        raise ValueError(f"kind='pair' needs two components. Got components={varied} instead.")
    return varied


def _check_vector(name: str, values: ArrayLike, size: int | None = None) -> NDArray:
    vector = np.asarray(as_numpy(values), dtype=np.float64)
    if vector.ndim != 1 or not vector.size or size not in (None, len(vector)):
        wanted = "at least one number" if size is None else f"{size} numbers, one per component"
        raise ValueError(f"{name} must have {wanted}. Got an array of shape {vector.shape}.")
    return vector
