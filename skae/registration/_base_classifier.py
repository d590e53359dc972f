"""What classifiers share that deform atlases to images."""

from __future__ import annotations

from copy import deepcopy
from numbers import Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae._scikit_learn import Interval, StrOptions
from skae.estimators._bridge import as_array, as_tensor
from skae.fitting._dispatch import dispatched
from skae.networks import FromUnits
from skae.objectives import Objective, Term
from skae.registration._classifier_network import (
    FUSIONS,
    AtlasClassifierArchitecture,
    LogitsOnly,
)
from skae.registration._deformation import DEFORMATION, BaseDeformation
from skae.registration._deformation_terms import (
    Classification,
    MeanDisplacement,
    MeanDisplacementOfClasses,
)
from skae.rows._classes import find_classes, list_classes
from skae.rows._problem import Classes, Problem

CLASSIFICATION: dict[str, list[Any]] = {
    **DEFORMATION,
    "fusion": [StrOptions(set(FUSIONS))],
    "per_class_atlas": ["boolean"],
    "classification_weight": [Interval(Real, 0, None, closed="neither")],
    "warmup": [Interval(Real, 0, 1, closed="left")],
}
"""Constraints on the parameters of classifiers."""


class BaseShapeClassifier(ClassifierMixin, BaseDeformation):
    """Abstract base of the classifiers of images that are deformations of atlases.

    A subclass has the parameters in `CLASSIFICATION`. Its network is an `AtlasClassifier`.
    """

    fusion: Any
    per_class_atlas: Any
    classification_weight: Any
    warmup: Any

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn an atlas, or one for each class, deformations and classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...)
            Images.
        y : array-like of shape (n_samples,)
            Their classes.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter is not valid, or if the training diverges.
        """
        return super().fit(X, y)

    @dispatched
    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable class of every image.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Classes.
        """
        check_is_fitted(self)
        return self._class_names[self._find_all_logits(X).argmax(axis=1)]

    @dispatched
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`, and in the dtype of X if that is float32, else in float64.
        """
        check_is_fitted(self)
        return softmax(self._find_all_logits(X), axis=1)

    def score(  # type: ignore[override]
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the accuracy of the predicted classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.
        y : array-like of shape (n_samples,)
            Their classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the images.

        Returns
        -------
        score : float
            In [0, 1], the higher the better.
        """
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    @property
    def classifier_(self) -> nn.Module:
        """A copy of the network as a torch module, from rows of X to logits, in float32."""
        check_is_fitted(self)
        location, scale = self._units
        logits = LogitsOnly(deepcopy(self._network.module))
        module = FromUnits(torch.from_numpy(location), scale, logits)
        return module.float().requires_grad_(True)

    # What is learned.

    def _find_classes(self, X: NDArray, y: Any, source: Any) -> Classes:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        if np.ndim(y) > 2:
            raise ValueError(
                f"y has the shape {np.shape(y)}, but one class for every image is wanted, shape "
                f"{(len(X),)}. For a label of every pixel, use AtlasSegmenter."
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        assert_all_finite(y, input_name="y")
        seen = list_classes(y)
        check_classification_targets(y)
        names = seen if source is None else source._class_names
        if len(names) < 2:
            raise ValueError(
                f"y must have at least two classes. Got one class, {names.tolist()[0]!r}, alone."
            )
        return Classes(names, np.eye(len(names))[find_classes(names, y)])

    def _make_architecture(self, problem: Problem) -> AtlasClassifierArchitecture:
        classes: Any = problem.classes
        atlas = self._make_atlas_architecture(len(classes.names) if self.per_class_atlas else 1)
        return AtlasClassifierArchitecture(
            atlas=atlas,
            fusion=str(self.fusion),
            n_features=atlas.hidden_channels[-1],
            n_classes=len(classes.names),
        )

    def _set_start(
        self, module: Any, problem: Problem, random_state: np.random.RandomState
    ) -> nn.Module | None:
        """Set atlases to mean images, and the logits to the logarithms of shares."""
        classes: Any = problem.classes
        indicators = classes.values[problem.train]
        counts = indicators.sum(axis=0)
        # a class that is not there is as rare as if it were half an image
        shares = np.maximum(counts, 0.5) / len(problem.train)
        with torch.no_grad():
            module.classifier.output.bias.copy_(torch.from_numpy(np.log(shares)))
        super()._set_start(module, problem, random_state)
        if self.per_class_atlas:
            means = _find_means(
                problem.target[problem.train], indicators.argmax(axis=1), len(counts)
            )
            rows = torch.from_numpy(problem.units.enter(means))
            module.decoder.set_base_(self._layout.unflatten(rows))
        return None

    def _make_centering(self, weight: float) -> Term:
        return (MeanDisplacementOfClasses if self.per_class_atlas else MeanDisplacement)(weight)

    def _make_objective(self, network: Any, link: Any, n_train: int) -> Objective:
        classification = Classification(self.classification_weight, self.warmup)
        return Objective(self._make_terms(link) | {"classification_weight": classification})

    def _set_fitted(self, problem: Problem, network: Any, *others: Any) -> None:
        super()._set_fitted(problem, network, *others)
        classes: Any = problem.classes
        self.classes_ = classes.names

    # Functions of the network and of some rows.

    def _find_all_logits(self, X: ArrayLike) -> NDArray:
        rows = self._validate(X, reset=False)
        return self._in_batches(self._find_logits, rows, len(self.classes_))

    def _find_logits(self, network: Any, X: NDArray) -> NDArray:
        return as_array(network.find_logits(as_tensor(self._units.enter_as_given(X), network)))


def _find_means(X: NDArray, places: NDArray, n_classes: int) -> NDArray[np.float64]:
    """Return the mean row of every class, and that of all rows for a class that has none.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
    places : array of shape (n_samples,), of int
        The classes of rows, by number.
    n_classes : int

    Returns
    -------
    means : array of shape (n_classes, n_features)
    """
    groups = [X[places == place] for place in range(n_classes)]
    return np.stack([(rows if len(rows) else X).mean(axis=0, dtype=np.float64) for rows in groups])
