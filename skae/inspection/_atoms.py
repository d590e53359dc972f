"""Display of the components of linear decoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skae._arrays import as_numpy
from skae._pipelines import steps_of
from skae.inspection._axes import (
    Names,
    name_features,
    named_height,
    names_to_show,
    number_features,
    require_matplotlib,
    single_axes,
)
from skae.inspection._components import check_components
from skae.inspection._mosaic import Mosaic, figure_size, find_grid
from skae.inspection._rows import are_images, arrange_rows, find_inner_names
from skae.inspection._style import DIVERGING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ATOMS = 64
"""Largest number of atoms that are drawn by default."""
MAX_LABELS = 25
"""Largest number of rows of images, or of rows of the matrix, that are numbered."""
SCALE = "entry / largest"


class AtomsDisplay:
    """Components of linear decoders (atoms), as images or as rows of a matrix.

    Each atom is divided by its largest absolute value. Zero is white, and the darkest colours are
    this value with either sign. If atoms are colour images, zero is mid-grey.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    atoms : ndarray of shape (n_atoms, n_features), (n_atoms, height, width) or \
            (n_atoms, height, width, channels)
        The atoms.

    components : sequence of int of length n_atoms, default=None
        Indices of the atoms among the estimator's components. None: images are not numbered.

    feature_names : sequence of str, default=None
        Names of the features. None: rows have no named features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the atoms.

    figure_ : matplotlib Figure
        Figure with the axes.

    image_ : matplotlib AxesImage
        The atoms.

    colorbar_ : matplotlib Colorbar or None
        The colour bar; None if atoms are colour images.

    See Also
    --------
    LatentTraversalDisplay : The effect of components of nonlinear decoders.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import AtomsDisplay
    >>> pca = PCA(16).fit(load_digits().data)
    >>> display = AtomsDisplay.from_estimator(pca, image_shape=(8, 8))
    >>> display.atoms.shape
    (16, 8, 8)
    """

    def __init__(
        self,
        *,
        atoms: NDArray,
        components: Sequence[int] | NDArray | None = None,
        feature_names: Names | None = None,
    ) -> None:
        self.atoms = atoms
        self.components = components
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: object,
        *,
        components: ArrayLike | None = None,
        image_shape: Sequence[int] | None = None,
        n_cols: int | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the components of an estimator.

        Parameters
        ----------
        estimator : fitted estimator
            SparseAutoencoder, PCA or another estimator with `components_`, or a Pipeline with such
            a step. In a Pipeline, the last such step is used, and its atoms have the features and
            units of its input.
        components : array-like of int, default=None
            Indices of the components to draw, such as the column "component" of
            :meth:`~skae.SparseAutoencoder.describe_components`, which is sorted by use. None: the
            first 64.
        image_shape : sequence of int, default=None
            Shape of an atom as an image: (height, width), with channels first or last if there are
            any. None: atoms are not drawn as images.
        n_cols : int, default=None
            Number of images in a row. None: about as many as there are rows.
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`AtomsDisplay`
            The Display, after drawing.

        Raises
        ------
        TypeError
            If the estimator has no `components_`.
        ValueError
            If a component does not exist, or if `image_shape` has another size than an atom.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib(cls)
        steps = steps_of(estimator)
        index = _find_linear(steps)
        atoms = np.asarray(as_numpy(steps[index].components_))
        chosen = check_components(components, len(atoms), MAX_ATOMS)
        arranged = arrange_rows(atoms[chosen], steps[index], image_shape)
        names = None if are_images(arranged) else find_inner_names(steps[: index + 1])
        return cls(atoms=arranged, components=chosen, feature_names=names).plot(ax, n_cols=n_cols)

    def plot(self, ax: Axes | None = None, *, n_cols: int | None = None) -> Self:
        """Draw the atoms.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.
        n_cols : int, default=None
            Number of images in a row. None: about as many as there are rows.

        Returns
        -------
        display : :class:`AtomsDisplay`
            This Display.
        """
        largest = np.abs(self.atoms.reshape(len(self.atoms), -1)).max(axis=1)
        # shape (n_atoms, 1, ...); atoms that are zero everywhere stay zero
        largest = np.where(largest > 0, largest, 1).reshape(-1, *[1] * (self.atoms.ndim - 1))
        scaled = self.atoms / largest
        if are_images(scaled):
            self._draw_images(ax, scaled, n_cols)
        else:
            self._draw_matrix(ax, scaled)
        self.figure_ = self.ax_.figure
        return self

    def _draw_images(self, ax: Axes | None, atoms: NDArray, n_cols: int | None) -> None:
        n_rows, n_cols = find_grid(len(atoms), n_cols)
        # inches beside the images: a colour bar with its label needs more
        beside = 1.0 if atoms.ndim == 4 else 2.2
        self.ax_ = single_axes(type(self), ax, figure_size(n_rows, n_cols, atoms, beside))
        mosaic = Mosaic(self.ax_, n_cols, atoms.shape[1:])
        self.colorbar_ = None
        if atoms.ndim == 4:
            self.image_ = mosaic.draw(atoms, DIVERGING, (-1, 1))
        else:
            self.image_, self.colorbar_ = mosaic.draw_differences(atoms, SCALE)
        if self.components is None or n_rows > MAX_LABELS:
            mosaic.label()
        else:
            mosaic.label(self._numbers()[::n_cols])
            self.ax_.set_ylabel("first component of the row")

    def _numbers(self) -> list[str]:
        """Return the numbers of the components as labels."""
        if self.components is None:
            return [str(i) for i in range(len(self.atoms))]
        return [str(component) for component in self.components]

    def _draw_matrix(self, ax: Axes | None, atoms: NDArray) -> None:
        n_atoms, n_features = atoms.shape
        # names are readable along the y axis only, so that the matrix is transposed for them
        names = names_to_show(self.feature_names)
        is_turned = names is not None
        size = (2.5 + 0.4 * n_atoms, named_height(n_features)) if is_turned else (8.0, 4.0)
        self.ax_ = ax = single_axes(type(self), ax, size)
        self.image_ = ax.imshow(
            atoms.T if is_turned else atoms,
            cmap=DIVERGING,
            vmin=-1,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
        )
        self.colorbar_ = ax.figure.colorbar(self.image_, ax=ax, label=SCALE)
        axis = ax.xaxis if is_turned else ax.yaxis
        axis.set_label_text("component")
        if n_atoms <= MAX_LABELS:
            axis.set_ticks(range(n_atoms), labels=self._numbers())
        if names is not None:
            name_features(ax, names)
        else:
            number_features(ax, n_features)


def _find_linear(steps: Sequence[Any]) -> int:
    """Return the index of the last step with `components_`."""
    for i in reversed(range(len(steps))):
        if hasattr(steps[i], "components_"):
            return i
    check_is_fitted(steps[-1])
    raise TypeError(
        f"{type(steps[-1]).__name__} has no components_. Give a linear decoder such as "
        "SparseAutoencoder or PCA, or use LatentTraversalDisplay for other estimators."
    )
