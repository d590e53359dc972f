"""The segmenter by an atlas."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from numbers import Integral, Real
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae._scikit_learn import Interval
from skae._types import Seed
from skae.blocks import Blocks, find_pairs
from skae.fitting._application import as_array, as_tensor, in_batches
from skae.fitting._dispatch import dispatched
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import check_parameter
from skae.fitting._recipe import Recipe
from skae.latent import Density
from skae.metrics import dice
from skae.networks import ImageLayout, UNetArchitecture
from skae.objectives import DiceCrossEntropy, Objective
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._atlas_recipe import (
    AtlasStart,
    Deform,
    check_sizes,
    plan_atlas,
    plan_deformation,
)
from skae.registration._atlas_segmenter_network import (
    AtlasSegmentation,
    AtlasSegmenterArchitecture,
)
from skae.registration._block_results import mask_shape, pixel_proba_shape
from skae.registration._deformation import DEFORMATION, BaseDeformation
from skae.registration._deformation_terms import LocalCorrelation, Segmentation
from skae.registration._mask_layout import read_masks
from skae.registration._refinement import refine
from skae.rows._kinds import Description, MaskedShapeRows
from skae.rows._masks import check_label_names, collect_label_names, find_places
from skae.rows._per_block import by_blocks, codes_shape, dtype_of_labels, mean_in_blocks
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.starts._logistic_filter import fit_logistic

DEPTH = 2
"""Number of times that the pixelwise network halves the sizes of images that are large enough."""
FILTER_SIZES = {2: 7, 3: 5}
"""Sizes of the pixelwise network's filter, by the number of axes, for images large enough."""
SMALLEST_FOLDED = 32
"""Smallest size, in pixels, from which on the first halving is done without a convolution."""


class AtlasSegmenter(ClassifierMixin, BaseDeformation):
    """Classification of pixels by the labels of an atlas, which is learned with them.

    It follows Atlas-ISTN [1]_. An atlas and its deformations are learned as by
    :class:`DiffeomorphicAutoencoder`. The atlas also has labels, which are deformed with it and
    become the labels of an image. They keep the topology of the atlas, down to the size of a pixel:
    a single region of the atlas is a single region in every image, whatever else is in the image,
    and hidden parts are filled in. Every image gets all labels, even if it does not show the
    objects that they stand for.

    In addition, a convolutional network labels every pixel by the pixels around it. The loss is the
    error of the deformed atlas, plus the energy of deformations, plus the cross-entropy and the
    Dice loss of the true labels, both for deformed and for pixelwise labels. For new images,
    deformations are refined until the deformed labels fit the pixelwise labels best.

    The training starts at the mean image, the identity, and the shares of the labels at every
    pixel; the pixelwise network starts at a logistic regression on the pixels around a pixel. An
    epoch is kept only if it is better on held-out images.

    Parameters
    ----------
    n_components : int, default=16
        Width of the code of a shape. With `affine`, the pose follows it: 6 more numbers for images,
        12 for volumes.

    segmentation_weight : float, default=1.0
        Weight of the losses of labels. If the similarity is the squared error, the loss of the mean
        image is 1. Losses are means over all images; for an image without labels, the losses of
        labels are 0.

    refine_steps : int, default=50
        Number of steps of Adam that refine the deformation of a new image in :meth:`predict`. They
        minimise the squared distance between deformed and pixelwise probabilities, plus the energy
        with the weight `regularization`. They take most of the time, above all with
        ``integrator="epdiff"``. 0 keeps the deformation of the encoder, which is many times
        faster. It may be set after the fit.

    base_channels : int, default=16
        Channels of the pixelwise network at full size; with every halving they double.

    ignore_index : int or None, default=None
        Label of pixels that are ignored by the training and by :meth:`score`. It is none of the
        classes. Images with no other label are used to learn the atlas alone. Images with labels
        are divided between the images to learn from and the held-out ones.

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
        Whether to hold the mean displacement of the training images near zero. Otherwise, any
        deformation of an atlas would be as good an atlas.

    image_shape : sequence of int or None, default=None
        Shape of one image, in X's order and with the channels: (channels, height, width), or with
        the depth before the height for volumes. None takes it from X, whose rows are then images
        without a channel, or images or volumes with channels. Flattened X and volumes without
        a channel need it.

    channels : {"first", "last"}, default="first"
        Where X has its channels. All channels of an image are deformed alike.

    hidden_channels : sequence of int, default=(16, 32, 32, 32)
        Channels of the encoder's convolutions, each of which halves the sizes. With `affine`, pose
        and shape have an encoder each.

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

    warm_start : bool or fitted AtlasSegmenter, default=False
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

    atlas_ : ndarray of the shape of one image of X
        The image whose deformations reconstruct all others, in the units of X.

    atlas_labels_ : ndarray of shape (height, width)
        The most probable label of every pixel of the atlas.

    n_components_ : int
        Width of the code of a shape.

    mean_ : ndarray of shape (`n_features_in_`,)
        The mean image, flattened: the atlas at the start.

    image_shape_ : tuple of int
        Shape of one image, in X's order and with the channels.

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean training loss with all penalties and the losses of labels; entry 0 is the start's.

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

    See Also
    --------
    DiffeomorphicAutoencoder : Learns the atlas without labels, and propagates labels of images.
    skae.image.ImageSegmenter : Labels pixels by the pixels around them, in images of any size.

    Notes
    -----
    Codes, displacements and registrations are those of the encoder. Only labels are refined;
    :meth:`refine` returns the refined codes. A class that only held-out images have is not learned:
    every class should be in several images. :meth:`score` is the mean Dice coefficient, and
    :meth:`score_samples` is minus the squared error of reconstructions, as in other autoencoders.

    References
    ----------
    .. [1] Sinclair et al. (2022). Atlas-ISTN: joint segmentation, registration and atlas
       construction with image-and-spatial transformer networks. Medical Image Analysis 78.
    .. [2] Arsigny, Commowick, Pennec and Ayache (2006). A log-Euclidean framework for statistics on
       diffeomorphisms. MICCAI.
    .. [3] Miller, Trouve and Younes (2006). Geodesic shooting for computational anatomy. Journal of
       Mathematical Imaging and Vision 24(2).

    Examples
    --------
    >>> from skae.datasets import make_deformed_shapes
    >>> from skae.registration import AtlasSegmenter
    >>> shapes = make_deformed_shapes(60, n_classes=1, size=16, random_state=0)
    >>> X, y = shapes.images, shapes.masks
    >>> model = AtlasSegmenter(4, hidden_channels=(8, 8), max_iter=20, random_state=0)
    >>> model.fit(X[:40], y[:40]).score(X[40:], y[40:]) > 0.8
    True
    >>> model.predict(X[40:]).shape, model.atlas_labels_.shape
    ((20, 16, 16), (16, 16))
    """

    _state_classes = (AtlasArchitecture, AtlasSegmenterArchitecture, LocalCorrelation)
    _parameter_constraints = {
        **DEFORMATION,
        "segmentation_weight": [Interval(Real, 0, None, closed="neither")],
        "refine_steps": [Interval(Integral, 0, None, closed="left")],
        "base_channels": [Interval(Integral, 1, None, closed="left")],
        "ignore_index": [Integral, None],
    }
    _pairs_with_y = True

    def __init__(
        self,
        n_components: int = 16,
        *,
        segmentation_weight: float = 1.0,
        refine_steps: int = 50,
        base_channels: int = 16,
        ignore_index: int | None = None,
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
        self.segmentation_weight = segmentation_weight
        self.refine_steps = refine_steps
        self.base_channels = base_channels
        self.ignore_index = ignore_index
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn an atlas with its labels, deformations, and a pixelwise segmentation.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images. Blocks of images are read one at a time, once before the training and once for
            every epoch: a memory map of at least 512 MB, an array of zarr or of dask, any object
            whose `__iter__` yields arrays, the same ones every time. Read more in the
            :doc:`user guide </user_guide/larger_than_memory>`.
        y : array-like of shape (n_samples, height, width) or (n_samples, height * width), or blocks
            The label of every pixel. Blocks have as many images as those of X, and are read once
            more, for the classes.

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

    @by_blocks(mask_shape, dtype_of_labels)
    @dispatched
    def predict(self, X: ArrayLike) -> NDArray:
        """Return the atlas's labels, deformed to images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        y : ndarray of shape (n_samples, height, width) or (n_samples, height * width)
            Labels in the layout that y had in :meth:`fit`. If X is given in blocks, returns an
            iterator with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        check_parameter(self, "refine_steps")
        rows = self._validate_known(X)
        return as_masks(self, label_images(self, draw_labels, rows))

    @by_blocks(pixel_proba_shape)
    @dispatched
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probabilities of labels of the atlas, deformed to images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes, height, width)
            Probabilities in the order of `classes_`; with ``channels="last"`` of shape
            (n_samples, height, width, n_classes), and for flattened y with height and width in
            one axis. In the dtype of X if that is float32, else in float64. If X is given in
            blocks, returns an iterator with one array per block; for a dask collection, a dask
            array.
        """
        check_is_fitted(self)
        check_parameter(self, "refine_steps")
        rows = self._validate_known(X)
        proba = softmax(label_images(self, draw_labels, rows), axis=1)
        if len(self._mask_shape) == 1:
            proba = proba.reshape(*proba.shape[:2], -1)
        return np.moveaxis(proba, 1, -1) if self._layout.is_channels_last else proba

    @by_blocks(mask_shape, dtype_of_labels)
    @dispatched
    def predict_pixelwise(self, X: ArrayLike) -> NDArray:
        """Return the most probable label of every pixel by the pixels around it, without the atlas.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        y : ndarray of shape (n_samples, height, width) or (n_samples, height * width)
            Labels in the layout that y had in :meth:`fit`. If X is given in blocks, returns an
            iterator with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        rows = self._validate_known(X)
        return as_masks(self, label_images(self, find_pixel_logits, rows))

    @by_blocks(codes_shape)
    @dispatched
    def refine(self, X: ArrayLike) -> NDArray:
        """Return the codes with which :meth:`predict` deforms the labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_codes)
            The codes of :meth:`transform`, refined in `refine_steps` steps. If X is given in
            blocks, returns an iterator with one array per block; for a dask collection, a dask
            array.
        """
        check_is_fitted(self)
        check_parameter(self, "refine_steps")
        rows = self._validate_known(X)
        return in_batches(self, partial(refine_codes, model=self), rows, self._n_features_out)

    @dispatched
    def score(  # type: ignore[override]
        self, X: ArrayLike, y: ArrayLike
    ) -> float:
        """Return the mean Dice coefficient of the foreground.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.
        y : array-like of shape (n_samples, height, width) or (n_samples, height * width), or blocks
            The label of every pixel.

        Returns
        -------
        score : float
            The coefficient of :func:`skae.metrics.dice`, in [0, 1]: the mean over the images and
            over all classes but 0. Pixels with the label that `ignore_index` had in :meth:`fit` do
            not count.
        """
        check_is_fitted(self)
        check_parameter(self, "refine_steps")
        pairs = find_pairs(X, y, self._listed_from)
        return self._score(X, y) if pairs is None else mean_in_blocks(self._score, pairs)

    def _score(self, X: object, y: object) -> float:
        rows = self._validate_known(X)
        known = read_masks(y, self, len(rows), self._layout.spatial)
        # raises ValueError for labels that fit has not seen
        find_places(self._class_names, known, self._ignored)
        predicted = as_masks(self, label_images(self, draw_labels, rows))
        return dice(known.reshape(predicted.shape), predicted, ignore_index=self._ignored)

    # How the network is learned.

    def _list_labels(self, y: Blocks, source: Self | None) -> NDArray:
        if source is not None:
            return source._class_names
        return collect_label_names(y, self, self.ignore_index)

    def _describe_features(self) -> object:
        return f"{super()._describe_features()}, and masks of shape {self._mask_shape} as y"

    def _read(self, X: object, y: object, *, reset: bool) -> Rows:
        rows = self._validate(X, reset=reset)
        check_sizes(self._layout)
        masks = read_masks(y, self, len(rows), self._layout.spatial)
        if reset:
            # after the shape of y: one label for every image may well be the same label
            check_label_names(self._class_names)
            self._mask_shape = masks.shape[1:]
        places = find_places(self._class_names, masks, self.ignore_index)
        # masks of any layout -> (n, n_pixels)
        return Rows(rows, rows, places.reshape(len(rows), -1))

    def _describe(self, rows: Rows, source: Self | None) -> Description:
        described = super()._describe(rows, source)
        return described._replace(kind=MaskedShapeRows(layout=self._layout))

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        classes = self._class_names
        (foreground,) = np.nonzero(classes != 0)
        loss = DiceCrossEntropy(torch.ones(len(classes)), torch.from_numpy(foreground))
        atlas = plan_atlas(self)
        return Recipe(
            architecture=AtlasSegmenterArchitecture(atlas, plan_pixelwise(self, len(classes))),
            objective=LabelPixels(
                plan_deformation(self, problem), Segmentation(loss, self.segmentation_weight)
            ),
            start=SegmenterStart(problem, self._layout, len(classes)),
            smallest_batch=32,
        )

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        self.classes_ = problem.labels
        super()._keep(problem, fitted, random_state)
        self._regularization = float(self.regularization)
        self._ignored = self.ignore_index
        # (1, n_classes, *sizes) -> (*sizes)
        places = fitted.network.module.labels[0].argmax(0).numpy()
        self.atlas_labels_ = self._class_names[places]
        return []


def plan_pixelwise(model: AtlasSegmenter, n_classes: int) -> UNetArchitecture:
    """Return the plan of the network that labels pixels without the atlas."""
    layout = model._layout
    smallest, n_dims = min(layout.spatial), len(layout.spatial)
    return UNetArchitecture(
        n_channels_in=layout.n_channels,
        n_channels_out=n_classes,
        base_channels=int(model.base_channels),
        depth=min(DEPTH, smallest.bit_length() - 1),
        is_folded=smallest >= SMALLEST_FOLDED,
        has_skips=True,
        # images are reflected by half of the filter, which must be smaller than they are
        filter_size=min(FILTER_SIZES[n_dims], 2 * smallest - 1),
        n_dims=n_dims,
    )


def as_masks(model: AtlasSegmenter, logits: NDArray) -> NDArray:
    """Return the labels with the largest logits, in the layout that y had in fit."""
    labels = model._class_names[logits.argmax(axis=1)]
    return labels.reshape(len(labels), *model._mask_shape)


class FindLogits(Protocol):
    """Computes logits of the pixels of images."""

    def __call__(self, network: AtlasSegmentation, X: NDArray, model: AtlasSegmenter) -> NDArray:
        """Return flattened logits, shape (n, n_classes * n_pixels)."""


def label_images(model: AtlasSegmenter, find_logits: FindLogits, rows: NDArray) -> NDArray:
    """Return logits of the pixels of images, shape (n, n_classes, *sizes)."""
    shape = len(model.classes_), *model._layout.spatial
    function = partial(find_logits, model=model)
    return in_batches(model, function, rows, prod(shape)).reshape(-1, *shape)


def find_pixel_logits(network: AtlasSegmentation, X: NDArray, model: AtlasSegmenter) -> NDArray:
    """Return the pixelwise network's logits, flattened."""
    x = as_tensor(model._units.enter_as_given(X), network)
    return as_array(network.find_logits(x).flatten(1))


def draw_labels(network: AtlasSegmentation, X: NDArray, model: AtlasSegmenter) -> NDArray:
    """Return the logits of the atlas, deformed to images and flattened."""
    points = network.decoder.find_points(_refine(network, X, model))
    return as_array(network.draw_labels(points).flatten(1))


def refine_codes(network: AtlasSegmentation, X: NDArray, model: AtlasSegmenter) -> NDArray:
    """Return refined codes."""
    return as_array(_refine(network, X, model))


def _refine(network: AtlasSegmentation, X: NDArray, model: AtlasSegmenter) -> Tensor:
    x = as_tensor(model._units.enter_as_given(X), network)
    # the regularization of the fit, since the parameter may have been set since
    return refine(network, x, network.encoder(x), model._regularization, model.refine_steps)


@dataclass(frozen=True)
class LabelPixels:
    """Makes the objective of deformations and labels.

    Attributes
    ----------
    deform : Deform
    segmentation : Segmentation
    """

    deform: Deform
    segmentation: Segmentation

    def __call__(self, network: nn.Module, n_rows: int) -> Objective:
        """Return the terms of a network."""
        return Objective(self.deform.terms() | {"segmentation_weight": self.segmentation})


@dataclass(frozen=True)
class SegmenterStart:
    """Sets atlas and labels to their means, and the filter to the logistic regression.

    Attributes
    ----------
    problem : Problem
    layout : ImageLayout
    n_classes : int
    """

    problem: Problem
    layout: ImageLayout
    n_classes: int

    def __call__(self, module: Any, random_state: np.random.RandomState) -> None:
        """Set the network. The start is not the optimum of the loss, so there is no baseline."""
        problem, sizes = self.problem, self.layout.spatial
        # (n, n_pixels) -> (n, 1, *sizes)
        places = problem.indicators[problem.train].reshape(-1, 1, *sizes)
        module.set_base_(torch.from_numpy(_compute_log_shares(places, self.n_classes)))

        def see(rows: slice) -> NDArray:
            seen = torch.from_numpy(problem.units.enter(problem.target[problem.train[rows]]))
            return self.layout.unflatten(seen).numpy()

        size = module.pixelwise.kernel.shape[-1]
        found = fit_logistic(see, places, np.ones(self.n_classes), size, random_state)
        module.pixelwise.set_filter_(*map(torch.from_numpy, found))
        AtlasStart(problem, self.layout)(module, random_state)


def _compute_log_shares(places: NDArray, n_classes: int) -> NDArray:
    """Return the logarithms of the shares of classes at every pixel, shape (1, n_classes, ...).

    An absent class counts as half an image, so that its logarithm is finite.
    """
    counts = np.stack([(places == place).sum(axis=0)[0] for place in range(n_classes)]) + 0.5
    return np.log(counts / counts.sum(axis=0))[None]
