"""What labels pixels by an atlas that is deformed to images."""

from __future__ import annotations

from math import prod
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae._scikit_learn import Interval, validate_parameter_constraints
from skae.estimators._bridge import as_array, as_tensor
from skae.fitting._dispatch import dispatched
from skae.metrics import dice
from skae.networks import UNetArchitecture
from skae.objectives import IGNORED, DiceCrossEntropy, Objective
from skae.registration._atlas_segmenter_network import AtlasSegmenterArchitecture
from skae.registration._deformation import DEFORMATION, BaseDeformation
from skae.registration._deformation_terms import Segmentation
from skae.registration._mask_layout import read_masks, spread_labels
from skae.registration._refinement import refine
from skae.rows._masks import find_label_names, find_places
from skae.rows._problem import Classes, Problem
from skae.starts._logistic_filter import fit_logistic

DEPTH = 2
"""How often the pixelwise network halves the sizes, if these are large enough."""
FILTER_SIZES = {2: 7, 3: 5}
"""Of the pixelwise network's filter, by the number of axes, if images are large enough."""
SMALLEST_FOLDED = 32
"""From this size on, the first halving is done without a convolution."""
SEGMENTATION: dict[str, list[Any]] = {
    **DEFORMATION,
    "segmentation_weight": [Interval(Real, 0, None, closed="neither")],
    "refine_steps": [Interval(Integral, 0, None, closed="left")],
    "base_channels": [Interval(Integral, 1, None, closed="left")],
    "ignore_index": [Integral, None],
}
"""Constraints on the parameters of segmenters by an atlas."""


class BaseAtlasSegmenter(ClassifierMixin, BaseDeformation):
    """Abstract base of the segmenters whose labels are those of an atlas, deformed.

    A subclass has the parameters in `SEGMENTATION`. Its network is an `AtlasSegmentation`.
    """

    segmentation_weight: Any
    refine_steps: Any
    base_channels: Any
    ignore_index: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn an atlas with its labels, deformations, and a pixelwise segmentation.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...)
            Images.
        y : array-like of shape (n_samples, height, width) or (n_samples, height * width)
            The label of every pixel.

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
        """Return the atlas's labels, deformed to images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        y : ndarray of shape (n_samples, height, width) or (n_samples, height * width)
            Labels in the layout that y had in :meth:`fit`.
        """
        check_is_fitted(self)
        self._check_refine_steps()
        rows = self._validate(X, reset=False)
        return self._as_masks(self._find_maps(self._draw_labels, rows))

    @dispatched
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probabilities of labels of the atlas, deformed to images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes, height, width)
            In the order of `classes_`; with ``channels="last"`` of shape
            (n_samples, height, width, n_classes), and for flattened y with height and width in
            one axis. In the dtype of X if that is float32, else in float64.
        """
        check_is_fitted(self)
        self._check_refine_steps()
        rows = self._validate(X, reset=False)
        proba = softmax(self._find_maps(self._draw_labels, rows), axis=1)
        if len(self._mask_shape) == 1:
            proba = proba.reshape(*proba.shape[:2], -1)
        return np.moveaxis(proba, 1, -1) if self._layout.is_channels_last else proba

    @dispatched
    def predict_pixelwise(self, X: ArrayLike) -> NDArray:
        """Return the most probable label of every pixel by what is around it, without the atlas.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        y : ndarray of shape (n_samples, height, width) or (n_samples, height * width)
            Labels in the layout that y had in :meth:`fit`.
        """
        check_is_fitted(self)
        rows = self._validate(X, reset=False)
        return self._as_masks(self._find_maps(self._find_logits, rows))

    @dispatched
    def refine(self, X: ArrayLike) -> NDArray:
        """Return the codes with which :meth:`predict` deforms the labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes)
            Those of :meth:`transform`, refined in `refine_steps` steps.
        """
        check_is_fitted(self)
        self._check_refine_steps()
        rows = self._validate(X, reset=False)
        return self._in_batches(self._refine, rows, self._n_features_out)

    @dispatched
    def score(  # type: ignore[override]
        self, X: ArrayLike, y: ArrayLike
    ) -> float:
        """Return the mean Dice coefficient of the foreground.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.
        y : array-like of shape (n_samples, height, width) or (n_samples, height * width)
            Their labels.

        Returns
        -------
        score : float
            In [0, 1]: what :func:`skae.metrics.dice` gives for the predictions, the mean over the
            images and over all classes but 0: where none is 0, all count. Pixels with the label
            that `ignore_index` had in :meth:`fit` do not.
        """
        check_is_fitted(self)
        self._check_refine_steps()
        rows = self._validate(X, reset=False)
        known = read_masks(y, self, len(rows), self._layout.spatial)
        find_places(self._class_names, known, self._ignored)
        predicted = self._as_masks(self._find_maps(self._draw_labels, rows))
        return dice(known.reshape(predicted.shape), predicted, ignore_index=self._ignored)

    # What is learned.

    def _make_problem(
        self, X: NDArray, y: Any, source: Any, random_state: np.random.RandomState
    ) -> Problem:
        problem = super()._make_problem(X, y, source, random_state)
        classes: Any = problem.classes
        is_labelled = (classes.values != IGNORED).any(axis=1)
        train, valid = spread_labels(problem.train, problem.valid, is_labelled)
        return problem._replace(train=train, valid=valid)

    def _find_classes(self, X: NDArray, y: Any, source: Any) -> Classes:
        self._check_sizes()
        y = read_masks(y, self, len(X), self._layout.spatial)
        self._mask_shape = y.shape[1:]
        if source is None:
            self.classes_ = find_label_names(y, self.ignore_index)
        else:
            self.classes_ = source._class_names
        places = find_places(self.classes_, y, self.ignore_index)
        return Classes(self.classes_, places.reshape(len(X), -1))

    def _make_architecture(self, problem: Problem) -> AtlasSegmenterArchitecture:
        atlas = self._make_atlas_architecture()
        smallest, n_dims = min(self._layout.spatial), len(self._layout.spatial)
        classes: Any = problem.classes
        pixelwise = UNetArchitecture(
            n_channels_in=self._layout.n_channels,
            n_channels_out=len(classes.names),
            base_channels=int(self.base_channels),
            depth=min(DEPTH, smallest.bit_length() - 1),
            is_folded=smallest >= SMALLEST_FOLDED,
            has_skips=True,
            filter_size=min(FILTER_SIZES[n_dims], 2 * smallest - 1),
            n_dims=n_dims,
        )
        return AtlasSegmenterArchitecture(atlas, pixelwise)

    def _set_start(
        self, module: Any, problem: Problem, random_state: np.random.RandomState
    ) -> nn.Module | None:
        """Set atlas and labels to their means, and the filter to the logistic regression."""
        classes: Any = problem.classes
        n_classes, sizes = len(classes.names), self._layout.spatial
        places = classes.values[problem.train].reshape(-1, 1, *sizes)
        module.set_base_(torch.from_numpy(_find_log_shares(places, n_classes)))

        def see(rows: slice) -> NDArray:
            seen = torch.from_numpy(problem.units.enter(problem.target[problem.train[rows]]))
            return self._layout.unflatten(seen).numpy()

        size = module.pixelwise.kernel.shape[-1]
        found = fit_logistic(see, places, np.ones(n_classes), size, random_state)
        module.pixelwise.set_filter_(*map(torch.from_numpy, found))
        return super()._set_start(module, problem, random_state)

    def _make_objective(self, network: Any, link: Any, n_train: int) -> Objective:
        (foreground,) = np.nonzero(self.classes_ != 0)
        loss = DiceCrossEntropy(torch.ones(len(self.classes_)), torch.from_numpy(foreground))
        segmentation = Segmentation(loss, self.segmentation_weight)
        return Objective(self._make_terms(link) | {"segmentation_weight": segmentation})

    def _set_fitted(self, problem: Problem, network: Any, *others: Any) -> None:
        super()._set_fitted(problem, network, *others)
        self._regularization = float(self.regularization)
        self._ignored = self.ignore_index
        self.atlas_labels_ = self.classes_[network.module.labels[0].argmax(0).numpy()]

    # Functions of the network and of some rows.

    def _as_masks(self, logits: NDArray) -> NDArray:
        """Return the labels with the largest logits, in the layout that y had in fit."""
        labels = self._class_names[logits.argmax(axis=1)]
        return labels.reshape(len(labels), *self._mask_shape)

    def _check_refine_steps(self) -> None:
        """Raise ValueError if a number that was set after the fit is none."""
        constraints = {"refine_steps": self._parameter_constraints["refine_steps"]}
        given = {"refine_steps": self.refine_steps}
        validate_parameter_constraints(constraints, given, type(self).__name__)

    def _find_maps(self, find_logits: Any, rows: NDArray) -> NDArray:
        """Return logits of images, shape (n, n_classes, *sizes)."""
        shape = len(self.classes_), *self._layout.spatial
        return self._in_batches(find_logits, rows, prod(shape)).reshape(-1, *shape)

    def _find_logits(self, network: Any, X: NDArray) -> NDArray:
        x = as_tensor(self._units.enter_as_given(X), network)
        return as_array(network.find_logits(x).flatten(1))

    def _draw_labels(self, network: Any, X: NDArray) -> NDArray:
        points = network.decoder.find_points(self._find_refined(network, X))
        return as_array(network.draw_labels(points).flatten(1))

    def _refine(self, network: Any, X: NDArray) -> NDArray:
        return as_array(self._find_refined(network, X))

    def _find_refined(self, network: Any, X: NDArray) -> Tensor:
        x = as_tensor(self._units.enter_as_given(X), network)
        code = network.encoder(x)
        return refine(network, x, code, self._regularization, self.refine_steps)


def _find_log_shares(places: NDArray, n_classes: int) -> NDArray:
    """Return the logarithms of the shares of classes at every pixel, shape (1, n_classes, ...).

    A class that is not there is as rare as if it were half an image.
    """
    counts = np.stack([(places == place).sum(axis=0)[0] for place in range(n_classes)]) + 0.5
    return np.log(counts / counts.sum(axis=0))[None]
