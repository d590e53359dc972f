"""Display of reconstructions beside the originals."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, gen_batches

from skae._arrays import as_numpy
from skae._pipelines import check_count
from skae._types import Reducer
from skae.inspection._axes import (
    Names,
    name_features,
    named_height,
    names_to_show,
    number_features,
    require_matplotlib,
    several_axes,
)
from skae.inspection._mosaic import (
    Mosaic,
    figure_size,
    image_limits,
    mean_of_channels,
    signed_limits,
)
from skae.inspection._rows import are_images, arrange_rows, find_feature_names
from skae.inspection._style import DIVERGING, GREY, OKABE_ITO, SEQUENTIAL
from skae.metrics import find_varying, there_and_back

if TYPE_CHECKING:
    from matplotlib.colorbar import Colorbar
    from matplotlib.container import BarContainer
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

    from skae.inspection._axes import AxesLike

Kind = Literal["auto", "images", "signals", "features"]
KINDS = ("auto", "images", "signals", "features")
N_IMAGES, N_SIGNALS = 8, 4
"""Number of images, and of signals, that are drawn by default."""
MAX_COLUMNS = 12
"""Largest number of images side by side; more images start a new line."""
LOST = "share of the variance that is lost"


class ReconstructionDisplay:
    """Reconstructions beside the originals, or the reconstruction error of every feature.

    It is recommended to use :meth:`from_estimator` or :meth:`from_reconstructions`. All parameters
    are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), (n_samples, height, width) or \
            (n_samples, height, width, channels)
        The originals.

    X_reconstructed : ndarray of the shape of X
        The reconstructions.

    feature_names : sequence of str, default=None
        Names of the features. None: rows have no named features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of the axes.

    axes_ : ndarray of matplotlib Axes of shape (1,) or (2 * n_signals,)
        All axes. Signals have two axes each: one with the original and the reconstruction, and one
        with their difference.

    figure_ : matplotlib Figure
        Figure with the axes.

    images_ : list of matplotlib AxesImage or None
        Originals, reconstructions and differences of up to twelve images, then those of the next
        ones; or the map of errors.

    colorbar_ : matplotlib Colorbar or None
        The colour bar of the differences, or of the map of errors.

    lines_ : list of matplotlib Line2D or None
        The original, the reconstruction and the difference of every signal.

    bars_ : matplotlib BarContainer or None
        The errors of the features, if rows are not images.

    See Also
    --------
    skae.metrics.reconstruction_error : Returns the error of all rows and features.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import ReconstructionDisplay
    >>> X = load_digits().data
    >>> pca = PCA(8).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(pca, X, image_shape=(8, 8))
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['original', 'reconstruction', 'difference']
    """

    images_: list[AxesImage] | None
    colorbar_: Colorbar | None
    lines_: list[Line2D] | None
    bars_: BarContainer | None

    def __init__(
        self,
        *,
        X: NDArray,
        X_reconstructed: NDArray,
        feature_names: Names | None = None,
    ) -> None:
        self.X = X
        self.X_reconstructed = X_reconstructed
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Reducer,
        X: ArrayLike,
        *,
        kind: Kind = "auto",
        n_samples: int | None = None,
        image_shape: Sequence[int] | None = None,
        cmap: str = "gray",
        ax: AxesLike = None,
    ) -> Self:
        """Draw reconstructions of X.

        Parameters
        ----------
        estimator : fitted estimator
            Has `transform` and `inverse_transform`; a Pipeline may be given.
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Rows to reconstruct.
        kind : {"auto", "images", "signals", "features"}, default="auto"
            "images" and "signals" draw the first rows as images or as lines; "features" draws the
            error of every feature over all rows. "auto" draws "images" if rows are images, and
            "features" otherwise.
        n_samples : int, default=None
            Number of rows to draw. None: eight images or four signals.
        image_shape : sequence of int, default=None
            Shape of a row as an image: (height, width), with channels first or last if there are
            any. None: the shape that `ConvAutoencoder` was fitted to, or that of the rows if X has
            more than two dimensions. Other rows are not drawn as images, even if their number of
            features is a square.
        cmap : str, default="gray"
            Colour map of images without channels. "gray_r" draws large values dark.
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None creates a figure. A single one is divided for signals.

        Returns
        -------
        display : :class:`ReconstructionDisplay`
            The Display, after drawing.

        Raises
        ------
        TypeError
            If the estimator has no `transform` or no `inverse_transform`.
        ValueError
            If `image_shape` has another size than a row, or if a parameter is not valid.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib(cls)
        shape = np.shape(X)
        rows, reconstructed = (
            arrange_rows(values.reshape(shape), estimator, image_shape)
            for values in there_and_back(estimator, X)
        )
        names = find_feature_names(estimator, rows)
        display = cls(X=rows, X_reconstructed=reconstructed, feature_names=names)
        return display.plot(ax, kind=kind, n_samples=n_samples, cmap=cmap)

    @classmethod
    def from_reconstructions(
        cls,
        X: ArrayLike,
        X_reconstructed: ArrayLike,
        *,
        kind: Kind = "auto",
        n_samples: int | None = None,
        image_shape: Sequence[int] | None = None,
        cmap: str = "gray",
        ax: AxesLike = None,
    ) -> Self:
        """Draw given reconstructions, such as those of noisy rows beside the clean ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            The originals.
        X_reconstructed : array-like of the shape of X
            The reconstructions.
        kind : {"auto", "images", "signals", "features"}, default="auto"
            As for :meth:`from_estimator`.
        n_samples : int, default=None
            Number of rows to draw. None: eight images or four signals.
        image_shape : sequence of int, default=None
            As for :meth:`from_estimator`.
        cmap : str, default="gray"
            Colour map of images without channels.
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None creates a figure. A single one is divided for signals.

        Returns
        -------
        display : :class:`ReconstructionDisplay`
            The Display, after drawing.

        Raises
        ------
        ValueError
            If the shapes differ, if there are no rows, if a value is missing or not finite, or if a
            parameter is not valid.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib(cls)
        if np.shape(X) != np.shape(X_reconstructed):
            raise ValueError(
                f"X has shape {np.shape(X)}, but X_reconstructed has {np.shape(X_reconstructed)}."
            )
        rows, reconstructed = (
            arrange_rows(_check_finite(name, values), None, image_shape)
            for name, values in (("X", X), ("X_reconstructed", X_reconstructed))
        )
        names = getattr(X, "columns", None)
        display = cls(X=rows, X_reconstructed=reconstructed, feature_names=names)
        return display.plot(ax, kind=kind, n_samples=n_samples, cmap=cmap)

    def plot(
        self,
        ax: AxesLike = None,
        *,
        kind: Kind = "auto",
        n_samples: int | None = None,
        cmap: str = "gray",
    ) -> Self:
        """Draw the reconstructions.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw in. None creates a figure. A single one is divided for signals.
        kind : {"auto", "images", "signals", "features"}, default="auto"
            As for :meth:`from_estimator`.
        n_samples : int, default=None
            Number of rows to draw. None: eight images or four signals.
        cmap : str, default="gray"
            Colour map of images without channels.

        Returns
        -------
        display : :class:`ReconstructionDisplay`
            This Display.
        """
        drawn = self._choose_kind(kind)
        if n_samples is None:
            n_samples = N_IMAGES if drawn == "images" else N_SIGNALS
        check_count("n_samples", n_samples)
        if not len(self.X):
            raise ValueError(f"X must have at least one row. Got shape {self.X.shape} instead.")
        # "features" uses all rows, the others the first n
        n = min(n_samples, len(self.X))
        self.images_ = self.colorbar_ = self.lines_ = self.bars_ = None
        if drawn == "images":
            self._draw_images(ax, self.X[:n], self.X_reconstructed[:n], cmap)
        elif drawn == "signals":
            self._draw_signals(ax, self.X[:n], self.X_reconstructed[:n])
        else:
            self._draw_features(ax)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        return self

    def _choose_kind(self, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}. Got {kind!r} instead.")
        if kind == "auto":
            return "images" if are_images(self.X) else "features"
        needs_images = {"images": True, "signals": False}.get(kind)
        if needs_images not in (None, are_images(self.X)):
            raise ValueError(
                f"kind={kind!r} is not possible for rows of shape {self.X.shape[1:]}. Rows are "
                "images if image_shape is given, such as (8, 8), or X has more than two dimensions."
            )
        return kind

    def _draw_images(self, ax: AxesLike, X: NDArray, reconstructed: NDArray, cmap: str) -> None:
        n_groups = ceil(len(X) / MAX_COLUMNS)
        n_cols = ceil(len(X) / n_groups)
        # inches beside the images, for labels: that of colour images is longer
        size = figure_size(3 * n_groups, n_cols, X, 3.2 if X.ndim == 4 else 2.4)
        self.axes_ = several_axes(type(self), ax, 1, 1, size)
        mosaic = Mosaic(self.axes_[0], n_cols, X.shape[1:])
        # the same colours for originals and reconstructions, and for all differences
        limits, differences = image_limits(X), mean_of_channels(reconstructed - X)
        self.images_ = []
        for group in gen_batches(len(X), n_cols):
            self.images_ += [mosaic.draw(rows[group], cmap, limits) for rows in (X, reconstructed)]
            self.images_.append(
                mosaic.draw(differences[group], DIVERGING, signed_limits(differences))
            )
        self.colorbar_ = mosaic.draw_colorbar(self.images_[-1])
        mean = "\n(mean of channels)" if X.ndim == 4 else ""
        mosaic.label(["original", "reconstruction", f"difference{mean}"] * n_groups)

    def _draw_signals(self, ax: AxesLike, X: NDArray, reconstructed: NDArray) -> None:
        self.axes_ = several_axes(type(self), ax, 2 * len(X), 2, (4.5, 1.4))
        differences = reconstructed - X
        # "or 1.0" for reconstructions without errors, whose axes would be empty
        limit = 1.05 * np.abs(differences).max() or 1.0
        self.lines_ = []
        for i, (left, right) in enumerate(self.axes_.reshape(-1, 2)):
            self.lines_ += left.plot(X[i], color="black", label="original")
            self.lines_ += left.plot(
                reconstructed[i], "--", color=OKABE_ITO["vermillion"], label="reconstruction"
            )
            right.axhline(0, color=GREY, linewidth=0.8)
            self.lines_ += right.plot(differences[i], color=OKABE_ITO["blue"])
            right.set_ylim(-limit, limit)
            for one in (left, right):
                number_features(one, X.shape[1])
        # axes of a column share their x axis, labelled at the bottom only
        for one in self.axes_[:-2]:
            one.set_xlabel("")
            one.tick_params(labelbottom=False)
        first, second = self.axes_[:2]
        second.set_title("difference", fontsize="medium")
        first.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)

    def _draw_features(self, ax: AxesLike) -> None:
        errors = np.square(self.X_reconstructed - self.X).mean(axis=0)
        if are_images(self.X):
            # averaged over the channels, if there are any
            self._draw_error_map(ax, errors.mean(axis=-1) if errors.ndim == 3 else errors)
        else:
            self._draw_bars(ax, errors)

    def _draw_error_map(self, ax: AxesLike, errors: NDArray) -> None:
        self.axes_ = several_axes(type(self), ax, 1, 1, (4.5, 3.6))
        (one,) = self.axes_
        self.images_ = [one.imshow(errors, cmap=SEQUENTIAL, vmin=0, interpolation="nearest")]
        self.colorbar_ = one.figure.colorbar(self.images_[0], ax=one, label="mean squared error")
        one.set(xticks=[], yticks=[])

    def _draw_bars(self, ax: AxesLike, errors: NDArray) -> None:
        """Draw the share of each feature's variance that is lost; constant features have no bar."""
        n_features = len(errors)
        varying = np.flatnonzero(find_varying(self.X))
        if not varying.size:
            raise ValueError(
                "No feature of X varies, so that there is no variance to compare errors with. Give "
                "more rows."
            )
        shares = errors[varying] / self.X.var(axis=0)[varying]
        color = OKABE_ITO["blue"]
        names = names_to_show(self.feature_names)
        if names is not None:
            self.axes_ = several_axes(type(self), ax, 1, 1, (6.0, named_height(n_features)))
            (one,) = self.axes_
            self.bars_ = one.barh(varying, shares, color=color)
            name_features(one, names)
            one.set_xlabel(LOST)
        else:
            self.axes_ = several_axes(type(self), ax, 1, 1, (6.0, 3.6))
            (one,) = self.axes_
            self.bars_ = one.bar(varying, shares, color=color)
            number_features(one, n_features)
            one.set_ylabel(LOST)


def _check_finite(name: str, values: ArrayLike) -> NDArray:
    """Return rows of any shape in float64; raise ValueError if a value is not finite."""
    # plot refuses an empty X, for both class methods alike
    rows: NDArray = check_array(
        as_numpy(values),
        dtype=np.float64,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name=name,
    )
    return rows
