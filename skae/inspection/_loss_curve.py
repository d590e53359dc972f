"""How a training went."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skae._pipelines import steps_of
from skae.inspection._axes import require_matplotlib, single_axes, tick_whole_numbers
from skae.inspection._style import GREY, LINES, OKABE_ITO

LOSS_RATIO = 10
"""Where the largest loss is as many times the smallest one, the axis is logarithmic."""


class LossCurveDisplay:
    """Losses of every epoch of a training, the epoch that was kept, and the start.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs + 1,)
        Mean training loss; entry 0 is the start's.

    validation_curve : array-like of shape (n_epochs + 1,), default=None
        The same for the held-out rows, if there are any.

    best_iter : int, default=None
        The epoch that was kept; 0 is the start.

    start_name : str, default="start"
        What entry 0 is called.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : list of matplotlib Line2D
        The training losses, and the held-out ones if there are any.

    best_ : matplotlib Line2D or None
        A mark at the epoch that was kept.

    start_ : matplotlib Line2D
        A line through the start's loss, on the held-out rows if there are any.

    See Also
    --------
    BottleneckCurveDisplay : What trainings with several numbers of components lead to.

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
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw how the training of an estimator went.

        Parameters
        ----------
        estimator : fitted estimator
            An autoencoder of this package, a Pipeline with one (the last counts), or a fitted
            search over either; also within a FrozenEstimator.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        display : :class:`LossCurveDisplay`
            The Display with what it has drawn.

        Raises
        ------
        TypeError
            If the estimator is not one that keeps its losses.
        NotFittedError
            If it is not fitted.
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

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

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
        *_, judged = curves.values()
        self.start_ = ax.axhline(
            judged[0], color=GREY, linestyle=":", label=self.start_name, zorder=1
        )
        # a training without epochs has a single point
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


def _find_trained(estimator: Any) -> Any:
    """Return the last step that keeps its losses."""
    steps = steps_of(estimator)
    for step in reversed(steps):
        if hasattr(step, "best_iter_"):
            return step
    check_is_fitted(steps[-1])
    raise TypeError(
        f"{type(steps[-1]).__name__} does not keep its losses. Wanted is an autoencoder of skae, "
        "or a Pipeline with one."
    )


def _spans_decades(losses: np.ndarray) -> bool:
    return losses.min() > 0 and losses.max() > LOSS_RATIO * losses.min()
