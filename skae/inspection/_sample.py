"""Display of new rows that are drawn from a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from numpy.typing import NDArray

from skae._pipelines import sample
from skae._types import Seed
from skae.inspection._axes import (
    Names,
    name_features,
    named_height,
    names_to_show,
    number_features,
    require_matplotlib,
    single_axes,
)
from skae.inspection._mosaic import OUTLIERS, Mosaic, figure_size, find_grid, image_limits
from skae.inspection._rows import are_images, arrange_rows, find_feature_names
from skae.inspection._style import OKABE_ITO, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D


class SampleDisplay:
    """New rows drawn from a model.

    Images are drawn side by side and signals as lines. Rows with named features are drawn as marks
    along one line per feature.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, n_features), (n_samples, height, width) or \
            (n_samples, height, width, channels)
        The rows.

    feature_names : sequence of str, default=None
        Names of the features. None: rows have no named features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the rows.

    figure_ : matplotlib Figure
        Figure with the axes.

    image_ : matplotlib AxesImage or None
        The images, if the rows are images.

    lines_ : list of matplotlib Line2D or None
        The rows, if they are not images.

    See Also
    --------
    skae.sample : Draws the rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.inspection import SampleDisplay
    >>> X = load_digits().data[:200]
    >>> autoencoder = AutoencoderTransformer(4, max_iter=5, random_state=0).fit(X)
    >>> display = SampleDisplay.from_estimator(
    ...     autoencoder, n_samples=9, random_state=0, image_shape=(8, 8)
    ... )
    >>> display.samples.shape
    (9, 8, 8)
    """

    image_: AxesImage | None
    lines_: list[Line2D] | None

    def __init__(self, *, samples: NDArray, feature_names: Names | None = None) -> None:
        self.samples = samples
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: object,
        *,
        n_samples: int = 36,
        random_state: Seed = None,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        n_cols: int | None = None,
        cmap: str = "gray",
        ax: Axes | None = None,
    ) -> Self:
        """Draw rows from an estimator with :func:`skae.sample`.

        Parameters
        ----------
        estimator : fitted estimator
            An estimator with `sample`, or a Pipeline with such a step.
        n_samples : int, default=36
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Draws the rows. Pass an int for the same rows at every call.
        image_shape : sequence of int, default=None
            Shape of a row as an image: (height, width), with channels first or last if there are
            any. None: the shape that `ConvAutoencoder` was fitted to; rows of other estimators are
            not drawn as images.
        feature_names : sequence of str, default=None
            Names of the features. None: the names that the estimator was fitted with.
        n_cols : int, default=None
            Number of images in a row. None: about as many as there are rows.
        cmap : str, default="gray"
            Colour map of images without channels. "gray_r" draws large values dark.
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`SampleDisplay`
            The Display, after drawing.

        Raises
        ------
        TypeError
            If neither the estimator nor a step of it has `sample`.
        ValueError
            If `image_shape` or `feature_names` do not match the size of a row.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib(cls)
        samples = arrange_rows(sample(estimator, n_samples, random_state), estimator, image_shape)
        names = find_feature_names(estimator, samples, feature_names)
        return cls(samples=samples, feature_names=names).plot(ax, n_cols=n_cols, cmap=cmap)

    def plot(
        self, ax: Axes | None = None, *, n_cols: int | None = None, cmap: str = "gray"
    ) -> Self:
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.
        n_cols : int, default=None
            Number of images in a row. None: about as many as there are rows.
        cmap : str, default="gray"
            Colour map of images without channels.

        Returns
        -------
        display : :class:`SampleDisplay`
            This Display.
        """
        self.image_ = self.lines_ = None
        if are_images(self.samples):
            self._draw_images(ax, n_cols, cmap)
        elif (names := names_to_show(self.feature_names)) is not None:
            self._draw_table(ax, names)
        else:
            self._draw_signals(ax)
        self.figure_ = self.ax_.figure
        return self

    def _draw_images(self, ax: Axes | None, n_cols: int | None, cmap: str) -> None:
        n_rows, n_cols = find_grid(len(self.samples), n_cols)
        self.ax_ = single_axes(type(self), ax, figure_size(n_rows, n_cols, self.samples))
        mosaic = Mosaic(self.ax_, n_cols, self.samples.shape[1:])
        self.image_ = mosaic.draw(self.samples, cmap, image_limits(self.samples, OUTLIERS))
        mosaic.label()

    def _draw_table(self, ax: Axes | None, names: list[str]) -> None:
        n_features = self.samples.shape[1]
        self.ax_ = single_axes(type(self), ax, (6.0, named_height(n_features)))
        # transposed: matplotlib draws one line per column
        self.lines_ = self.ax_.plot(
            self.samples.T, range(n_features), "|", markersize=8, **self._style()
        )
        name_features(self.ax_, names)
        self.ax_.grid(axis="y", alpha=0.3)

    def _draw_signals(self, ax: Axes | None) -> None:
        self.ax_ = single_axes(type(self), ax, (6.0, 4.0))
        self.lines_ = self.ax_.plot(self.samples.T, linewidth=1, **self._style())
        number_features(self.ax_, self.samples.shape[1])

    def _style(self) -> Style:
        """Return the style of the rows, which are more transparent the more there are."""
        return {"color": OKABE_ITO["blue"], "alpha": max(0.15, len(self.samples) ** -0.3)}
