"""Display of the losses of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skae._pipelines import steps_of
from skae.inspection._axes import require_matplotlib, single_axes, tick_whole_numbers
from skae.inspection._style import GREY, LINES, OKABE_ITO

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOSS_RATIO = 10
"""If the largest loss is more than this many times the smallest, the y axis is logarithmic."""


class LossCurveDisplay:
    """Losses of all epochs of a training, the kept epoch, and the loss of the start.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs + 1,)
        Mean training loss of every epoch; entry 0 is the loss of the start.

    validation_curve : array-like of shape (n_epochs + 1,), default=None
        The same for the held-out rows, if there are any.

    best_iter : int, default=None
        The kept epoch; 0 is the start.

    start_name : str, default="start"
        Name of entry 0 in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : list of matplotlib Line2D
        The training losses, and the held-out ones if there are any.

    best_ : matplotlib Line2D or None
        A mark at the kept epoch.

    start_ : matplotlib Line2D
        A line at the loss of the start, on the held-out rows if there are any.

    See Also
    --------
    BottleneckCurveDisplay : Scores of fits with several numbers of components.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.inspection import LossCurveDisplay
    >>> autoencoder = AutoencoderTransformer(1, max_iter=5, random_state=0).fit(load_iris().data)
    >>> display = LossCurveDisplay.from_estimator(autoencoder)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_curve: Sequence[float] | None = None,
        best_iter: int | None = None,
        start_name: str = "start",
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_curve = validation_curve
        self.best_iter = best_iter
        self.start_name = start_name

    @classmethod
    def from_estimator(cls, estimator: object, *, ax: Axes | None = None) -> Self:
        """Draw the losses of the training of an estimator.

        Parameters
        ----------
        estimator : fitted estimator
            An autoencoder of this package, a Pipeline with one, or a fitted search for either; each
            may be in a FrozenEstimator. If a Pipeline has several, the last one is drawn.
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`LossCurveDisplay`
            The Display, after drawing.

        Raises
        ------
        TypeError
            If the estimator does not keep its losses.
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        require_matplotlib(cls)
        step = _find_trained(estimator)
        is_linear = step.get_params().get("init") == "pca" and step.warm_start is False
        display = cls(
            loss_curve=step.loss_curve_,
            validation_curve=step.validation_curve_,
            best_iter=step.best_iter_,
            start_name="linear start" if is_linear else "start",
        )
        return display.plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`LossCurveDisplay`
            This Display.
        """
        self.ax_ = ax = single_axes(type(self), ax, (6.0, 4.0))
        self.figure_ = ax.figure
        curves = {"training": self.loss_curve}
        if self.validation_curve is not None:
            curves["validation"] = self.validation_curve
        # the epoch is chosen by the held-out losses, if there are any
        *_, judged = curves.values()
        self.start_ = ax.axhline(
            judged[0], color=GREY, linestyle=":", label=self.start_name, zorder=1
        )
        # a single point, after a training without epochs, has no line
        marker = "" if len(judged) > 1 else "o"
        self.lines_ = [
            ax.plot(curve, color=color, linestyle=line, marker=marker, label=name)[0]
            for (name, curve), color, line in zip(
                curves.items(), OKABE_ITO.values(), LINES, strict=False
            )
        ]
        self.best_ = None
        if self.best_iter is not None:
            label = f"kept: epoch {self.best_iter}" if self.best_iter else "kept: the start"
            (self.best_,) = ax.plot(
                self.best_iter, judged[self.best_iter], "D", color="black", label=label
            )
        if _spans_decades(np.concatenate(list(curves.values()))):
            ax.set_yscale("log")
        ax.set(xlabel="epoch", ylabel="loss")
        tick_whole_numbers(ax)
        ax.legend()
        return self


def _find_trained(estimator: object) -> Any:
    """Return the last step that keeps its losses."""
    steps = steps_of(estimator)
    for step in reversed(steps):
        if hasattr(step, "best_iter_"):
            return step
    check_is_fitted(steps[-1])
    raise TypeError(
        f"{type(steps[-1]).__name__} does not keep its losses. Give an autoencoder of skae, or a "
        "Pipeline with one."
    )


def _spans_decades(losses: np.ndarray) -> bool:
    return losses.min() > 0 and losses.max() > LOSS_RATIO * losses.min()
