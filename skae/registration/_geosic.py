"""The classifier by shapes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae._scikit_learn import Interval, StrOptions
from skae._types import Seed
from skae.blocks import Blocks
from skae.estimators._base import list_row_classes
from skae.fitting._application import as_array, as_tensor, in_batches
from skae.fitting._dispatch import dispatched
from skae.fitting._fitted import Fitted
from skae.fitting._recipe import Recipe
from skae.latent import Density
from skae.networks import FromUnits, ImageLayout
from skae.objectives import Objective
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._atlas_recipe import AtlasStart, Deform, plan_atlas, plan_deformation
from skae.registration._block_results import class_proba_shape
from skae.registration._classifier_network import (
    FUSIONS,
    AtlasClassifier,
    AtlasClassifierArchitecture,
    LogitsOnly,
)
from skae.registration._deformation import DEFORMATION, BaseDeformation
from skae.registration._deformation_terms import Classification, LocalCorrelation
from skae.rows._per_block import (
    by_blocks,
    dtype_of_labels,
    find_blocks_for,
    join_results,
    scores_shape,
)
from skae.rows._problem import Problem
from skae.rows._units import Units


class GeoSICClassifier(ClassifierMixin, BaseDeformation):
    """Classifier of images by their shapes, which are deformations of an atlas.

    It follows Geo-SIC [1]_. An encoder and an atlas are learned as by
    :class:`DiffeomorphicAutoencoder`, together with a classifier. The classifier sees features of
    the image, fused with features of its shape, that is, of the code that deforms the atlas to the
    image. The loss is the error of the deformed atlas, plus the energy of deformations and the
    cross-entropy of the classes, so that the codes of shapes separate the classes.

    The training starts at the mean image, the identity, and the shares of the classes: an untrained
    classifier predicts the most frequent one. An epoch is kept only if it is better on held-out
    images. Every class may have an atlas of its own (`per_class_atlas`).

    Parameters
    ----------
    n_components : int, default=16
        Width of the code of a shape. With `affine`, the pose follows it: 6 more numbers for images,
        12 for volumes. The classifier does not see the pose. With `per_class_atlas`, the last
        `n_classes` numbers of a code are indicators of the class.

    fusion : {"add", "concat", "shape_only"}, default="add"
        How features of the image and of its shape are fused: "add" sums them, "concat" puts them
        side by side, "shape_only" uses only features of the shape.

    classification_weight : float, default=1.0
        Weight of the cross-entropy, in nats. If the similarity is the squared error, the loss of
        the mean image is 1.

    warmup : float in [0, 1), default=0.3
        Share of the training in which only deformations are learned, before the classifier begins
        to learn.

    per_class_atlas : bool, default=False
        Whether every class has an atlas, which is deformed only to the images of the class, so that
        deformations are the differences within classes. `atlas_` then has one more axis. An image
        is reconstructed by the atlas of its true class in training, and of its predicted class
        afterwards.

    integrator : {"svf", "epdiff"}, default="svf"
        How a velocity becomes a deformation. "svf" integrates a stationary velocity by scaling and
        squaring [2]_. "epdiff" follows the geodesic that begins with the velocity, by the equation
        of its momentum [3]_; deformations then have a distance from each other. "epdiff" takes
        several times as long.

    affine : bool, default=True
        Whether an affine map comes before the deformation. It takes up rotations, shifts and
        scalings of the whole image.

    control_spacing : int, default=4
        Pixels between the control points of the cubic splines that velocities are made of; a
        deformation has no smaller details. In training, flows are computed at every second pixel
        for 4 and 5, at every third for 6 and 7, and so on.

    alpha : float, default=2.0
        Cost of rough velocities, in squared pixels. Their metric is
        ``L = (gamma - alpha * Laplacian)**power``.

    gamma : float, default=0.1
        Cost of all velocities. The length scale of the metric is ``sqrt(alpha / gamma)`` pixels.

    power : float, default=2.0
        Exponent of the metric. The higher it is, the smoother are the deformations.

    regularization : float, default=0.002
        Weight of the energy ``<v, L v>`` of velocities, in squared pixels per pixel.

    similarity : {"squared_error", "ncc"}, default="squared_error"
        Loss by which a deformed atlas is compared with an image. "ncc" is one less the squared
        normalised correlation in windows of 9 pixels along every axis, for images whose brightness
        and contrast differ.

    center_atlas : bool, default=True
        Whether to hold the mean displacement of the training images near zero; with
        `per_class_atlas`, the mean displacement of every class. Otherwise, any deformation of an
        atlas would be as good an atlas.

    image_shape : sequence of int or None, default=None
        Shape of one image, in X's order and with the channels: (channels, height, width), or with
        the depth before the height for volumes. None takes it from X, whose rows are then images
        without a channel, or images or volumes with channels. Flattened X and volumes without
        a channel need it.

    channels : {"first", "last"}, default="first"
        Where X has its channels. All channels of an image are deformed alike.

    hidden_channels : sequence of int, default=(16, 32, 32, 32)
        Channels of the encoders' convolutions, each of which halves the sizes. There is an encoder
        of shapes, an encoder of image features, whose number is the last one here, and with
        `affine` an encoder of poses.

    learning_rate : {"averaged", "cosine", "constant"}, default="averaged"
        Course of the learning rate after a warm-up of 5 % of the updates: constant, or down to
        zero at `max_iter` along half a cosine. "averaged" is constant in the first half and falls
        in the second, and the weights that are measured and kept are means over the last tenth
        of `max_iter`.

    learning_rate_init : float, default=0.003
        Largest learning rate.

    batch_size : "auto" or int, default="auto"
        Images per update. "auto" is 32, or more for more than 1,400 training images; fewer for
        images so large that these would take much memory.

    max_iter : int, default=100
        Largest number of epochs, that is, passes over the training images. 0 keeps the start.

    early_stopping : bool, default=True
        Whether to hold out images, keep the epoch that is best for them and stop when none
        has been better for a while. If false, every image is trained on for exactly `max_iter`
        epochs, and the last is kept unless it is worse than the start on the training images.

    validation_fraction : float, default=0.1
        Share of the images that early stopping holds out.

    n_iter_no_change : int, default=20
        Epochs without an improvement after which early stopping ends the training.

    tol : float, default=1e-4
        An improvement lowers the loss of the held-out images by more than this share of it.

    warm_start : bool or fitted GeoSICClassifier, default=False
        True goes on from the previous fit. Another fitted estimator of the same architecture gives
        its weights, its atlas and its units; wrap it in :class:`~sklearn.frozen.FrozenEstimator`
        where the estimator is cloned, as in a grid search.

    latent_density : {"gmm", "gaussian", "kde"} or object, default="gmm"
        Density from which :meth:`sample` draws codes: a mixture of up to ten normal distributions,
        a single one, or a kernel density estimate, fitted to standardised training codes (to at
        most 10,000 of them). An object must have ``fit(codes)`` and ``sample(n_samples)``.

    device : str, default="auto"
        "cpu", "cuda", "cuda:1", "mps", or "auto" for the first there is of CUDA, MPS and CPU.

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the encoder's convolutions in training; deformations stay in float32. "auto"
        is "bfloat16" on a GPU that has it, else "float32".

    random_state : int, RandomState instance or None, default=None
        Draws the weights, the held-out images and the order. Pass an int for the same result at
        every call.

    checkpoint : str, path-like or None, default=None
        Folder in which the state of the training is kept, so that a fit that was cut off goes on
        when it is called again, with the same result as one that was not. The folder may be
        shared: a file is named after data and parameters, and is removed when its fit is done.
        Needs `random_state`.

    checkpoint_every : int, default=10
        Epochs from one writing of the state to the next.

    verbose : int, default=0
        1 prints losses and the time left in every tenth part of `max_iter`, 2 in every epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.

    atlas_ : ndarray of the shape of one image of X, or of (n_classes, ...)
        The image whose deformations reconstruct all others, in the units of X. With
        `per_class_atlas`, one for each class, in the order of `classes_`.

    n_components_ : int
        Width of the code of a shape, the first columns of the result of `transform`.

    mean_ : ndarray of shape (`n_features_in_`,)
        The mean image, flattened: the atlas at the start. With `per_class_atlas`, atlases start at
        the means of the classes, or at this mean if a class has no training image.

    image_shape_ : tuple of int
        Shape of one image, in X's order and with the channels.

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean training loss with all penalties and the cross-entropy, which has its full weight here
        during the warm-up, too; entry 0 is the start's.

    validation_curve_ : list of float of length `n_iter_` + 1, or None
        The same for the held-out images; None without early stopping.

    latent_density_ : object
        Has ``sample(n_samples, random_state)``; fitted when it is first drawn from.

    encoder_ : torch.nn.Module
        A copy of the encoder in float32, from flattened images, in their own units, to codes.

    decoder_ : torch.nn.Module
        A copy of the decoder in float32, from codes to flattened images.

    n_features_in_ : int
        Number of values in an image.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; only if X has names that are all strings.

    classifier_ : torch.nn.Module
        A copy of the network in float32, from flattened images, in their own units, to logits.

    See Also
    --------
    DiffeomorphicAutoencoder : Learns the atlas and deformations without a classifier.
    skae.metrics.adversarial_accuracy : The accuracy under attack.

    Notes
    -----
    :meth:`score` is the accuracy, and :meth:`score_samples` is minus the squared error of
    reconstructions, as in other autoencoders.

    With `per_class_atlas`, the last n_classes columns of codes are 1 for the predicted class, and 0
    for all others. A code is decoded with the atlas whose column is the largest, so that codes
    drawn by :meth:`sample` have an atlas, too. A misclassified image is reconstructed by the atlas
    of the wrong class. Losses are computed with the atlases of the true classes. Two images of
    different classes are registered as if one atlas lay upon the other, pixel by pixel: the moving
    image takes the place, the pose and the deformation of the fixed image, and remains a shape of
    its own class.

    References
    ----------
    .. [1] Wang and Zhang (2022). Geo-SIC: learning deformable geometric shapes in deep image
       classifiers. NeurIPS.
    .. [2] Arsigny, Commowick, Pennec and Ayache (2006). A log-Euclidean framework for statistics on
       diffeomorphisms. MICCAI.
    .. [3] Miller, Trouve and Younes (2006). Geodesic shooting for computational anatomy. Journal of
       Mathematical Imaging and Vision 24(2).

    Examples
    --------
    >>> from skae.datasets import make_deformed_shapes
    >>> from skae.registration import GeoSICClassifier
    >>> shapes = make_deformed_shapes(120, n_classes=2, size=16, random_state=0)
    >>> X, y = shapes.images, shapes.target
    >>> model = GeoSICClassifier(4, hidden_channels=(8, 8), max_iter=40, random_state=0)
    >>> model.fit(X[:80], y[:80]).score(X[80:], y[80:]) > 0.8
    True
    >>> model.transform(X).shape, model.atlas_.shape
    ((120, 10), (16, 16))
    """

    _has_classes = True
    _state_classes = (AtlasArchitecture, AtlasClassifierArchitecture, LocalCorrelation)
    _parameter_constraints = {
        **DEFORMATION,
        "fusion": [StrOptions(set(FUSIONS))],
        "per_class_atlas": ["boolean"],
        "classification_weight": [Interval(Real, 0, None, closed="neither")],
        "warmup": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 16,
        *,
        fusion: Literal["add", "concat", "shape_only"] = "add",
        classification_weight: float = 1.0,
        warmup: float = 0.3,
        per_class_atlas: bool = False,
        integrator: Literal["svf", "epdiff"] = "svf",
        affine: bool = True,
        control_spacing: int = 4,
        alpha: float = 2.0,
        gamma: float = 0.1,
        power: float = 2.0,
        regularization: float = 0.002,
        similarity: Literal["squared_error", "ncc"] = "squared_error",
        center_atlas: bool = True,
        image_shape: Sequence[int] | None = None,
        channels: Literal["first", "last"] = "first",
        hidden_channels: Sequence[int] = (16, 32, 32, 32),
        learning_rate: Literal["averaged", "cosine", "constant"] = "averaged",
        learning_rate_init: float = 3e-3,
        batch_size: Literal["auto"] | int = "auto",
        max_iter: int = 100,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        warm_start: object = False,
        latent_density: str | Density = "gmm",
        device: str = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        random_state: Seed = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 10,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.fusion = fusion
        self.classification_weight = classification_weight
        self.warmup = warmup
        self.per_class_atlas = per_class_atlas
        self.integrator = integrator
        self.affine = affine
        self.control_spacing = control_spacing
        self.alpha = alpha
        self.gamma = gamma
        self.power = power
        self.regularization = regularization
        self.similarity = similarity
        self.center_atlas = center_atlas
        self.image_shape = image_shape
        self.channels = channels
        self.hidden_channels = hidden_channels
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.latent_density = latent_density
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn an atlas, or one for each class, deformations and classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images. Blocks of images are read one at a time, once before the training and once for
            every epoch: a memory map of at least 512 MB, an array of zarr or of dask, any object
            whose `__iter__` yields arrays, the same ones every time. Read more in the
            :doc:`user guide </user_guide/larger_than_memory>`.
        y : array-like of shape (n_samples,)
            The classes of the images, as one array also for X in blocks.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter is not valid, if a block cannot be read, or if the training
            diverges.
        """
        return super().fit(X, y)

    @by_blocks(scores_shape, dtype_of_labels)
    @dispatched
    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable class of every image.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Classes. If X is given in blocks, returns an iterator with one array per block; for a
            dask collection, a dask array.
        """
        check_is_fitted(self)
        return self._class_names[self._compute_logits(X).argmax(axis=1)]

    @by_blocks(class_proba_shape)
    @dispatched
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of `classes_`, and in the dtype of X if that is float32,
            else in float64. If X is given in blocks, returns an iterator with one array per block;
            for a dask collection, a dask array.
        """
        check_is_fitted(self)
        return softmax(self._compute_logits(X), axis=1)

    def score(  # type: ignore[override]
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the accuracy of the predicted classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.
        y : array-like of shape (n_samples,)
            The classes of the images, as one array also for X in blocks.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the images.

        Returns
        -------
        score : float
            Share of the images whose class is predicted correctly, in [0, 1].
        """
        predicted = self.predict(X)
        if find_blocks_for(self, X) is not None:
            predicted = join_results(predicted)
        return float(accuracy_score(y, predicted, sample_weight=sample_weight))

    @property
    def classifier_(self) -> nn.Module:
        """A copy of the network as a torch module, from rows of X to logits, in float32."""
        check_is_fitted(self)
        location, scale = self._units
        # callers may train the module, or move it to a device
        logits = LogitsOnly(deepcopy(self._network.module))
        module = FromUnits(torch.from_numpy(location), scale, logits)
        return module.float().requires_grad_(True)

    # How the network is learned.

    def _list_labels(self, y: Blocks, source: Self | None) -> NDArray | None:
        # the classes of all images are one array
        ((_, classes),) = y.read()
        check_not_masks(classes)
        return list_row_classes(self, classes, source)

    def _check_labels(self, labels: NDArray) -> None:
        if len(labels) < 2:
            raise ValueError(
                f"y must have at least two classes. Got one class, {labels.tolist()[0]!r}, alone."
            )

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        n_classes = len(self._class_names)
        atlas = plan_atlas(self, n_classes if self.per_class_atlas else 1)
        architecture = AtlasClassifierArchitecture(
            atlas=atlas,
            fusion=str(self.fusion),
            n_features=atlas.hidden_channels[-1],
            n_classes=n_classes,
        )
        deform = plan_deformation(self, problem, n_classes if self.per_class_atlas else 0)
        classification = Classification(self.classification_weight, self.warmup)
        return Recipe(
            architecture=architecture,
            objective=Classify(deform, classification),
            start=ClassifierStart(problem, self._layout, bool(self.per_class_atlas)),
            smallest_batch=32,
        )

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        self.classes_ = problem.labels
        return super()._keep(problem, fitted, random_state)

    def _compute_logits(self, X: ArrayLike) -> NDArray:
        """Return the logits of the classes of images, shape (n, n_classes)."""
        rows = self._validate_known(X)
        function = partial(_apply_classifier, units=self._units)
        return in_batches(self, function, rows, len(self.classes_))


def _apply_classifier(network: AtlasClassifier, X: NDArray, units: Units) -> NDArray:
    return as_array(network.find_logits(as_tensor(units.enter_as_given(X), network)))


def check_not_masks(y: ArrayLike) -> None:
    """Raise ValueError if y has a label for every pixel."""
    # a column of classes has two dimensions
    if np.ndim(y) > 2:
        raise ValueError(
            f"y has the shape {np.shape(y)}, but one class for every image is wanted, shape "
            f"{np.shape(y)[:1]}. For a label of every pixel, use AtlasSegmenter."
        )


@dataclass(frozen=True)
class Classify:
    """Makes the objective of deformations and classes.

    Attributes
    ----------
    deform : Deform
    classification : Classification
    """

    deform: Deform
    classification: Classification

    def __call__(self, network: nn.Module, n_rows: int) -> Objective:
        """Return the terms of a network."""
        return Objective(self.deform.terms() | {"classification_weight": self.classification})


@dataclass(frozen=True)
class ClassifierStart:
    """Sets atlases to mean images, and logits to the logarithms of the shares of classes.

    Attributes
    ----------
    problem : Problem
    layout : ImageLayout
    is_per_class : bool
        Whether every class has an atlas.
    """

    problem: Problem
    layout: ImageLayout
    is_per_class: bool

    def __call__(self, module: Any, random_state: np.random.RandomState) -> None:
        """Set the network. The shares are not the optimum of the loss, so there is no baseline."""
        problem = self.problem
        indicators = problem.indicators[problem.train]
        counts = indicators.sum(axis=0)
        # an absent class counts as half an image, so that its logarithm is finite
        shares = np.maximum(counts, 0.5) / len(problem.train)
        with torch.no_grad():
            module.classifier.output.bias.copy_(torch.from_numpy(np.log(shares)))
        AtlasStart(problem, self.layout)(module, random_state)
        if self.is_per_class:
            rows = problem.target[problem.train]
            means = _compute_means(rows, indicators.argmax(axis=1), len(counts))
            # (n_classes, n_features) -> (n_classes, n_channels, *sizes)
            entered = torch.from_numpy(problem.units.enter(means))
            module.decoder.set_base_(self.layout.unflatten(entered))


def _compute_means(X: NDArray, places: NDArray, n_classes: int) -> NDArray[np.float64]:
    """Return the mean row of every class, or the mean of all rows for a class without rows.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
    places : array of shape (n_samples,), of int
        The index of the class of every row.
    n_classes : int

    Returns
    -------
    means : array of shape (n_classes, n_features)
    """
    groups = [X[places == place] for place in range(n_classes)]
    return np.stack([(rows if len(rows) else X).mean(axis=0, dtype=np.float64) for rows in groups])
