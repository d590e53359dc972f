"""Display of scores over the number of components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from skae._folds import standard_error
from skae._types import CV, Estimator, Scorer
from skae.inspection._axes import require_matplotlib, single_axes
from skae.inspection._search_results import read_search
from skae.inspection._style import Style, line_style
from skae.model_selection import bottleneck_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import FillBetweenPolyCollection
    from matplotlib.lines import Line2D

MAX_TICKS = 16
"""Largest number of widths that each have a tick."""
LETTER = 0.056
"""Average width in inches of a letter of the title."""
GAP_RATIO = 5
"""If gaps between widths differ by a larger factor, the x axis is logarithmic."""


class BottleneckCurveDisplay:
    """Mean scores over the number of components, with bands of one standard error.

    A band shows one standard error of the mean to either side, as used by the rule that chooses the
    smallest number within one standard error of the best. Bands of estimators that are scored in
    the same folds may overlap although one of them is better in every fold. To compare estimators,
    test paired differences, as :func:`~skae.model_selection.compare_with_pca` does.

    It is recommended to use one of the class methods. All parameters are stored as attributes.

    Read more in the user guide.

    Parameters
    ----------
    n_components : dict of ndarray of shape (n_widths,)
        Numbers of components of each curve, in ascending order.

    test_scores : dict of ndarray of shape (n_widths, n_folds)
        Scores on the test rows of each fold.

    chosen : dict of int, default=None
        The number of components that was chosen or is recommended, for all or some curves.

    score_name : str, default="score"
        Name of the scores, for the y axis.

    summary : str, default=None
        Text for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : dict of matplotlib Line2D
        The mean scores.

    bands_ : dict of matplotlib PolyCollection
        The standard errors, for curves with more than one fold.

    chosen_ : list of matplotlib Line2D
        Rings around the chosen numbers.

    See Also
    --------
    skae.model_selection.bottleneck_curve : Computes the scores without drawing them.
    skae.model_selection.compare_with_pca : Compares an autoencoder with PCA, with tests.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae import AutoencoderTransformer
    >>> from skae.inspection import BottleneckCurveDisplay
    >>> estimators = [PCA(), AutoencoderTransformer(max_iter=5, random_state=0)]
    >>> display = BottleneckCurveDisplay.from_estimators(
    ...     estimators, load_iris().data, n_components=[1, 2, 3], cv=3
    ... )
    >>> list(display.lines_)
    ['PCA', 'AutoencoderTransformer']
    """

    lines_: dict[str, Line2D]
    bands_: dict[str, FillBetweenPolyCollection]
    chosen_: list[Line2D]

    def __init__(
        self,
        *,
        n_components: Mapping[str, NDArray],
        test_scores: Mapping[str, NDArray],
        chosen: Mapping[str, int] | None = None,
        score_name: str = "score",
        summary: str | None = None,
    ) -> None:
        self.n_components = n_components
        self.test_scores = test_scores
        self.chosen = chosen
        self.score_name = score_name
        self.summary = summary

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Estimator] | Sequence[Estimator],
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        n_components: int | Sequence[int] = (1, 2, 4, 8, 16),
        groups: ArrayLike | None = None,
        cv: CV = None,
        scoring: str | Scorer | None = None,
        n_jobs: int | None = None,
        negate_score: bool = False,
        ax: Axes | None = None,
    ) -> Self:
        """Score estimators at several numbers of components, and draw the scores.

        Parameters
        ----------
        estimators : dict of str to estimator, or sequence of estimator
            As for :func:`~skae.model_selection.bottleneck_curve`, like all parameters up to
            `n_jobs`.
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Data to cut into folds.
        y : array-like of shape (n_samples,), default=None
            Passed to `fit`, `cv` and `scoring`.
        n_components : int or sequence of int, default=(1, 2, 4, 8, 16)
            Numbers of components. An int n stands for the numbers from 1 to n.
        groups : array-like of shape (n_samples,), default=None
            Passed to `cv`.
        cv : int, cross-validation generator or iterable, default=None
            The folds. None: five folds in the order of the rows.
        scoring : str, callable or None, default=None
            The score. None: the share of variance that reconstructions explain.
        n_jobs : int or None, default=None
            Number of parallel jobs; -1 uses all processors.
        negate_score : bool, default=False
            Whether to draw scores with the opposite sign, for scores that are negative errors.
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`BottleneckCurveDisplay`
            The Display, after drawing.
        """
        require_matplotlib(cls)
        curve = bottleneck_curve(
            estimators,
            X,
            y,
            n_components=n_components,
            groups=groups,
            cv=cv,
            scoring=scoring,
            n_jobs=n_jobs,
        )
        return cls.from_curve(curve, negate_score=negate_score, ax=ax)

    @classmethod
    def from_curve(
        cls, curve: Bunch, *, negate_score: bool = False, ax: Axes | None = None
    ) -> Self:
        """Draw a result of :func:`~skae.model_selection.bottleneck_curve`.

        Parameters
        ----------
        curve : :class:`~sklearn.utils.Bunch`
            The scores.
        negate_score : bool, default=False
            Whether to draw scores with the opposite sign, for scores that are negative errors.
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`BottleneckCurveDisplay`
            The Display, after drawing.
        """
        require_matplotlib(cls)
        display = cls(
            n_components=dict.fromkeys(curve.test_scores, curve.n_components),
            test_scores=curve.test_scores,
            score_name=curve.score_name,
        )
        return display.plot(ax, negate_score=negate_score)

    @classmethod
    def from_comparison(
        cls, comparison: Bunch, *, negate_score: bool = False, ax: Axes | None = None
    ) -> Self:
        """Draw a result of :func:`~skae.model_selection.compare_with_pca`.

        Rings mark the recommended numbers of components, and the title is the summary.

        Parameters
        ----------
        comparison : :class:`~sklearn.utils.Bunch`
            The comparison.
        negate_score : bool, default=False
            Whether to draw scores with the opposite sign, for scores that are negative errors.
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`BottleneckCurveDisplay`
            The Display, after drawing.
        """
        require_matplotlib(cls)
        curve = comparison.curve
        recommended = comparison.n_components_pca, comparison.n_components_autoencoder
        display = cls(
            n_components=dict.fromkeys(curve.test_scores, curve.n_components),
            test_scores=curve.test_scores,
            chosen=dict(zip(curve.test_scores, recommended, strict=True)),
            score_name=curve.score_name,
            summary=comparison.summary,
        )
        return display.plot(ax, negate_score=negate_score)

    @classmethod
    def from_search(
        cls,
        search: object,
        *,
        param_name: str | None = None,
        score_name: str | None = None,
        negate_score: bool = False,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the scores of a fitted search over the number of components.

        Parameters
        ----------
        search : fitted AutoencoderCV, GridSearchCV or RandomizedSearchCV
            A search with one metric. A grid has one curve per combination of its other parameters.
            For a search by successive halving, the candidates of the last iteration are drawn,
            whose scores are based on equally many rows.
        param_name : str, default=None
            Name of the number of components in the grid. None: the only parameter whose name ends
            in "n_components".
        score_name : str, default=None
            Name of the scores, for the y axis. None: derived from the scorer.
        negate_score : bool, default=False
            Whether to draw scores with the opposite sign, for scores that are negative errors.
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.

        Returns
        -------
        display : :class:`BottleneckCurveDisplay`
            The Display, after drawing; a ring marks the chosen number.

        Raises
        ------
        ValueError
            If the search has several metrics, if a candidate has no number of components, or if
            scores are not finite.
        NotFittedError
            If the search is not fitted.
        """
        require_matplotlib(cls)
        curves = read_search(search, param_name)
        display = cls(
            n_components=curves.n_components,
            test_scores=curves.test_scores,
            chosen=curves.chosen,
            score_name=curves.score_name if score_name is None else score_name,
        )
        return display.plot(ax, negate_score=negate_score)

    def plot(self, ax: Axes | None = None, *, negate_score: bool = False) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None creates a figure.
        negate_score : bool, default=False
            Whether to draw scores with the opposite sign, for scores that are negative errors.

        Returns
        -------
        display : :class:`BottleneckCurveDisplay`
            This Display.
        """
        self.ax_ = ax = single_axes(type(self), ax, (6.4, 4.4))
        self.figure_ = ax.figure
        self.lines_, self.bands_, self.chosen_ = {}, {}, []
        sign = -1 if negate_score else 1
        for i, (name, scores) in enumerate(self.test_scores.items()):
            self._draw_curve(name, sign * np.asarray(scores), line_style(i))
        for name, width in (self.chosen or {}).items():
            self._draw_ring(name, width)
        # the negative of "neg mean squared error" is "mean squared error"
        name = self.score_name.removeprefix("neg ") if negate_score else self.score_name
        ax.set(xlabel="n_components", ylabel=name)
        self._scale_widths()
        ax.grid(alpha=0.3)
        ax.legend()
        if self.summary is not None:
            inches = ax.get_window_extent().width / self.figure_.dpi
            title = fill(self.summary, max(20, int(inches / LETTER)))
            ax.set_title(title, fontsize="small", loc="left")
        return self

    def _draw_curve(self, name: str, scores: NDArray, style: Style) -> None:
        widths, means = self.n_components[name], scores.mean(axis=1)
        n_folds = scores.shape[1]
        # plot returns a list with one line
        (self.lines_[name],) = self.ax_.plot(widths, means, label=name, **style)
        if n_folds > 1:
            errors = standard_error(scores.std(axis=1), n_folds)
            self.bands_[name] = self.ax_.fill_between(
                widths, means - errors, means + errors, color=style["color"], alpha=0.2, linewidth=0
            )

    def _draw_ring(self, name: str, width: int) -> None:
        """Draw a ring around the chosen width of a curve."""
        widths, means = map(np.asarray, self.lines_[name].get_data())
        index = int(np.flatnonzero(widths == width)[0])
        word = "chosen" if self.summary is None else "recommended"
        # all rings share one entry of the legend
        label = None if self.chosen_ else word
        self.chosen_ += self.ax_.plot(
            widths[index], means[index], "o", color="black", mfc="none", ms=14, label=label
        )

    def _scale_widths(self) -> None:
        """Set ticks at the numbers of components, and a log scale if their gaps differ much."""
        widths = np.unique(np.concatenate(list(self.n_components.values())))
        gaps = np.diff(widths)
        if gaps.size and gaps.max() > GAP_RATIO * gaps.min():
            self.ax_.set_xscale("log", base=2)
            self.ax_.minorticks_off()
        if len(widths) <= MAX_TICKS:
            self.ax_.set_xticks(widths, labels=[str(width) for width in widths])
