"""Classification of every pixel of an image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal, Self, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags, compute_class_weight
from sklearn.utils.validation import check_is_fitted

from skae._scikit_learn import HasMethods, StrOptions
from skae._types import Seed
from skae.blocks import Blocks, find_pairs
from skae.estimators import ConvAutoencoder
from skae.fitting._fit import fit_estimator
from skae.fitting._parameters import validated_fit
from skae.fitting._recipe import Recipe
from skae.image._block_results import images_shape, proba_shape
from skae.image._image_estimator import BaseImageEstimator
from skae.image._image_parameters import (
    IMAGES,
    check_filter_size,
    find_fold,
    image_recipe,
    make_move,
)
from skae.image._label_format import find_label_format
from skae.image._pretrained import PretrainedArchitecture
from skae.image._pretraining import (
    check_same_autoencoder,
    describe,
    find_autoencoder,
    find_fitted,
    find_loss,
    see_all,
    transfer_,
)
from skae.metrics import dice
from skae.networks import ConvArchitecture, UNetArchitecture
from skae.objectives import FOCUS, IGNORED, DiceCrossEntropy, PixelCrossEntropy, Term
from skae.rows._kinds import Description, ImageRows
from skae.rows._masks import check_label_names, collect_label_names, find_places, read_labels
from skae.rows._per_block import by_blocks, dtype_of_labels, mean_in_blocks
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._summaries import LabelCounts
from skae.starts._logistic_filter import fit_logistic


class ImageSegmenter(ClassifierMixin, BaseImageEstimator):
    """Classification of every pixel that starts at a logistic regression.

    A convolutional network g learns a correction to a linear filter of the image, and their sum
    gives the logits of the classes of every pixel::

        p = softmax(b + k * x + g(x))

    The filter is the multinomial logistic regression of a pixel's class on the pixels around it,
    and stays fixed. The network, a U-Net [1]_, starts at zero, so that an untrained segmenter
    *is* that regression, and an epoch is kept only if it is better on held-out images.

    y has a label for every pixel of X: whole numbers or strings. Label 0, if y has it, is the
    background, and all other labels are the foreground. X is an array of shape
    (n, height, width), (n, channels, height, width), with ``channels="last"``
    (n, height, width, channels), or flattened with `image_shape`. Predictions have the layout of
    y, for images of any size with the channels of X in :meth:`fit`.

    Read more in the :doc:`user guide </user_guide/segmentation>`.

    Parameters
    ----------
    base_channels : int, default=16
        Channels of the network at full size; with every halving they double.

    depth : int, default=2
        How often the network halves the sizes. Images need at least ``2**depth`` pixels along both
        axes; images whose sizes are no multiple of this are padded by reflection, and predictions
        are cut to the size of the image.

    fold : bool or "auto", default="auto"
        Whether the first halving moves four neighbouring pixels into channels, and the last
        doubling moves them back [4]_, so that the network has no convolutions at full size. An
        epoch then takes less than half of the time. "auto" is true for images, or patches, of at
        least 32 x 32 pixels; in smaller ones, single pixels matter more.

    filter_size : int, default=7
        Size of the patches that the logistic regression at the start sees, an odd number. Images
        need more than half as many pixels along both axes.

    loss : {"dice_ce", "cross_entropy", "focal"}, default="dice_ce"
        Loss that is minimised. "cross_entropy" is the cross-entropy of the class of every pixel, in
        nats. "focal" [2]_ multiplies it by ``(1 - p)**2``, where p is the probability of the true
        class: pixels that are already well classified count less. "dice_ce" adds one less the Dice
        coefficient of the foreground [3]_ to the cross-entropy, in which small regions weigh as
        much as large ones.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the cross-entropies, as a dict ``{class: weight}``. "balanced"
        weighs them by ``n_pixels / (n_classes * n_pixels_of_class)``. None gives all the weight 1.

    ignore_index : int or None, default=None
        Label of pixels that are ignored by the training and by :meth:`score`, such as pixels
        outside of a field of view, or unlabelled ones. It is none of the classes.

    encoder : fitted ConvAutoencoder or None, default=None
        An autoencoder that was fitted to images of the same kind, for few labelled images and many
        unlabelled ones. The filter and the network then see every image beside its reconstruction,
        which shows the shapes that images have in common. The autoencoder is not trained further.
        All images must have the size of the images that it was fitted to. Wrap it in
        :class:`~sklearn.frozen.FrozenEstimator` where the segmenter is cloned, as in a grid search.

    patch_size : int or None, default=None
        Height and width of the patches that images are cut into for training; they cover every
        image and overlap as little as they can. Predictions are made for whole images. None trains
        on whole images.

    augment : {"flip", "rotate"}, sequence of these or None, default=None
        Changes of X and y alike in training, drawn anew for every batch: "flip" mirrors one image
        in two along the last axis, "rotate" turns images by multiples of 90 degrees, or of 180 if
        they are not square.

    image_shape : sequence of int or None, default=None
        Shape of one image of X, in X's order and with the channels: (channels, height, width), or
        with the channels at the end for ``channels="last"``. None takes it from X. Flattened X
        needs it.

    channels : {"first", "last"}, default="first"
        Where X and y have their channels.

    learning_rate : {"averaged", "cosine", "constant"}, default="averaged"
        Course of the learning rate after a warm-up of 5 % of the updates: constant, or down to
        zero at `max_iter` along half a cosine. "averaged" is constant in the first half and falls
        in the second, and the weights that are measured and kept are means over the last tenth
        of `max_iter`.

    learning_rate_init : float, default=0.003
        Largest learning rate.

    batch_size : "auto" or int, default="auto"
        Images or patches per update. "auto" is 4 to 32, by their size and `base_channels`; fewer
        for images so large that these would take much memory, and at most an eighth of them.

    max_iter : int, default=40
        Largest number of epochs, that is, passes over the training images. 0 keeps the start.

    early_stopping : bool, default=True
        Whether to hold out images, keep the epoch that is best for them and stop when none
        has been better for a while. If false, every image is trained on for exactly `max_iter`
        epochs, and the last is kept unless it is worse than the start on the training images.

    validation_fraction : float, default=0.1
        Share of the images that early stopping holds out. With `patch_size` and too few images to
        hold one out, share of the patches.

    n_iter_no_change : int, default=20
        Epochs without an improvement after which early stopping ends the training.

    tol : float, default=1e-4
        An improvement lowers the loss of the held-out images by more than this share of it.

    warm_start : bool or fitted ImageSegmenter, default=False
        True goes on from the previous fit. Another fitted estimator of the same architecture gives
        its weights, its filter and its units; wrap it in :class:`~sklearn.frozen.FrozenEstimator`
        where the estimator is cloned, as in a grid search.

    device : str, default="auto"
        "cpu", "cuda", "cuda:1", "mps", or "auto" for the first there is of CUDA, MPS and CPU.

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the convolutions in training. "bfloat16" is faster for large networks on
        processors and GPUs that have units for it, and slower elsewhere; weights, the filter,
        losses and results stay in float32 and float64. "auto" is "bfloat16" on a GPU that has it,
        else "float32".

    random_state : int, RandomState instance or None, default=None
        Draws the weights, the held-out images, the order, the moves and the pixels of the start.
        Pass an int for the same result at every call.

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

    image_shape_ : tuple of int
        Shape of one image of X in :meth:`fit`, in X's order and with the channels.

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean training loss; entry 0 is the start's.

    validation_curve_ : list of float of length `n_iter_` + 1, or None
        The same for the held-out images; None without early stopping.

    n_features_in_ : int
        Number of values in an image of X in :meth:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; only if X has names that are all strings.

    See Also
    --------
    ImageToImageRegressor : Predicts images of numbers instead of classes.
    skae.metrics.dice : The Dice coefficient of masks.
    skae.metrics.iou : The intersection over union of masks.

    Notes
    -----
    The network has no normalisation layers: a prediction depends on no other image. Only memory
    limits the size of images.

    References
    ----------
    .. [1] Ronneberger, Fischer and Brox (2015). U-Net: convolutional networks for biomedical image
       segmentation. MICCAI.
    .. [2] Lin, Goyal, Girshick, He and Dollar (2017). Focal loss for dense object detection. ICCV.
    .. [3] Milletari, Navab and Ahmadi (2016). V-Net: fully convolutional neural networks for
       volumetric medical image segmentation. 3DV.
    .. [4] Shi, Caballero, Huszar, Totz, Aitken, Bishop, Rueckert and Wang (2016). Real-time single
       image and video super-resolution using an efficient sub-pixel convolutional neural network.
       CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.image import ImageSegmenter
    >>> rng = np.random.default_rng(0)
    >>> masks = np.zeros((60, 16, 16), dtype=int)
    >>> for mask, (row, column) in zip(masks, rng.integers(10, size=(60, 2))):
    ...     mask[row : row + 6, column : column + 6] = 1
    >>> images = masks + rng.normal(size=masks.shape)
    >>> segmenter = ImageSegmenter(max_iter=10, random_state=0).fit(images[:40], masks[:40])
    >>> segmenter.predict(images[40:]).shape
    (20, 16, 16)
    >>> segmenter.score(images[40:], masks[40:]) > 0.7
    True
    """

    _parameter_constraints: dict[str, list[object]] = {
        **IMAGES,
        "loss": [StrOptions({"dice_ce", "cross_entropy", "focal"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "ignore_index": [Integral, None],
        "encoder": [HasMethods(["fit", "transform"]), None],
    }

    def __init__(
        self,
        *,
        base_channels: int = 16,
        depth: int = 2,
        fold: Literal["auto"] | bool = "auto",
        filter_size: int = 7,
        loss: Literal["dice_ce", "cross_entropy", "focal"] = "dice_ce",
        class_weight: dict[int, float] | dict[str, float] | Literal["balanced"] | None = None,
        ignore_index: int | None = None,
        encoder: object = None,
        patch_size: int | None = None,
        augment: str | Sequence[str] | None = None,
        image_shape: Sequence[int] | None = None,
        channels: Literal["first", "last"] = "first",
        learning_rate: Literal["averaged", "cosine", "constant"] = "averaged",
        learning_rate_init: float = 3e-3,
        batch_size: Literal["auto"] | int = "auto",
        max_iter: int = 40,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        warm_start: object = False,
        device: str = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        random_state: Seed = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 10,
        verbose: int = 0,
    ) -> None:
        self.base_channels = base_channels
        self.depth = depth
        self.fold = fold
        self.filter_size = filter_size
        self.loss = loss
        self.class_weight = class_weight
        self.ignore_index = ignore_index
        self.encoder = encoder
        self.patch_size = patch_size
        self.augment = augment
        self.image_shape = image_shape
        self.channels = channels
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
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

    @validated_fit
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn to classify the pixels of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images.
            Blocks of images are read one at a time, once before the training and once for every
            epoch: a memory map of at least 512 MB, an array of zarr or of dask, a list of arrays
            with four dimensions, any object whose `__iter__` yields arrays, the same ones every
            time. Read more in the :doc:`user guide </user_guide/larger_than_memory>`.
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
        fit_estimator(self, X, y)
        return self

    @by_blocks(images_shape, dtype_of_labels)
    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable class of every pixel.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images, of any size if they are not flattened.

        Returns
        -------
        y : ndarray of shape (n_samples, height, width) or (n_samples, height * width)
            Labels in the layout that y had in :meth:`fit`. If X is given in blocks, returns an
            iterator with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        logits = self._apply_all(self._read_known_images(X))
        places = logits.argmax(axis=1)[:, None]
        return self._target_format.from_maps(self.classes_[places])

    @by_blocks(proba_shape)
    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probabilities of the classes of every pixel.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images, of any size if they are not flattened.

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
        proba = softmax(self._apply_all(self._read_known_images(X)), axis=1)
        if self._target_format.n_dims == 2:
            proba = proba.reshape(*proba.shape[:2], -1)
        return np.moveaxis(proba, 1, -1) if self._format.layout.is_channels_last else proba

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Return the mean Dice coefficient of the foreground.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images.
        y : array-like of shape (n_samples, height, width) or (n_samples, height * width), or blocks
            The label of every pixel.

        Returns
        -------
        score : float
            The coefficient of :func:`skae.metrics.dice`, in [0, 1]: the mean over the images and
            over all classes but 0. Pixels with the label `ignore_index` do not count.
        """
        check_is_fitted(self)
        pairs = find_pairs(X, y, self._listed_from)
        return self._score(X, y) if pairs is None else mean_in_blocks(self._score, pairs)

    def _score(self, X: object, y: object) -> float:
        maps = self._read_known_images(X)
        labels = read_labels(y, self)
        is_last = self._format.layout.is_channels_last
        known = find_label_format(labels, maps, is_last).to_maps(labels)
        # raises ValueError for labels that fit has not seen
        find_places(self.classes_, known, self.ignore_index)
        # logits (n, n_classes, height, width) -> labels (n, 1, height, width)
        predicted = self.classes_[self._apply_all(maps).argmax(axis=1)[:, None]]
        return dice(known, predicted, ignore_index=self.ignore_index)

    # How X and y are read.

    def _list_labels(self, y: Blocks, source: Self | None) -> NDArray:
        if source is not None and self.encoder is not None:
            check_same_autoencoder(source._network.module, find_fitted(self.encoder))
        if source is not None:
            return source.classes_
        return collect_label_names(y, self, self.ignore_index)

    def _check_labels(self, labels: NDArray) -> None:
        check_label_names(labels)

    def _read_targets(self, maps: NDArray, y: object, *, reset: bool) -> tuple[NDArray, NDArray]:
        labels = read_labels(y, self)
        format_ = find_label_format(labels, maps, self.channels == "last")
        if reset:
            self._target_format = format_
        places = find_places(self.classes_, format_.to_maps(labels), self.ignore_index)
        # images without any label have nothing to learn from
        is_labelled = (places != IGNORED).any(axis=(1, 2, 3))
        return maps[is_labelled], places[is_labelled]

    def _check_known_size(self, spatial: tuple[int, ...]) -> None:
        plan = self._plan
        # the autoencoder's dense layers fix the size
        if isinstance(plan, PretrainedArchitecture) and spatial != plan.spatial:
            raise ValueError(
                "With an encoder, all images must have the size of the images it was fitted to, "
                f"{plan.spatial[0]} x {plan.spatial[1]} pixels. Got {spatial[0]} x {spatial[1]}."
            )
        super()._check_known_size(spatial)

    def _describe(self, rows: Rows, source: Any) -> Description:
        described = super()._describe(rows, source)
        return described._replace(kind=ImageRows(self.patch_size, len(self.classes_)))

    # How the network is learned.

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        encoder = self._find_encoder(problem)
        architecture = self._make_architecture(problem, encoder)
        move = make_move(self.augment, random_state)
        weight = find_class_weight(self.class_weight, self.classes_, problem)
        start = PixelStart(problem, int(self.filter_size), weight, encoder)
        recipe = image_recipe(problem, architecture, self._make_loss(weight), start, move)
        # a checkpoint goes on only with the same autoencoder
        return recipe if encoder is None else replace(recipe, compared=describe(encoder))

    def _find_encoder(self, problem: Problem) -> ConvAutoencoder | None:
        """Return the fitted autoencoder for these images, or None if there is no encoder."""
        if self.encoder is None:
            return None
        if self.patch_size is not None:
            raise ValueError(
                "With an encoder, which sees whole images, patch_size must be None. Got "
                f"{self.patch_size}."
            )
        return find_autoencoder(self.encoder, problem.seen.shape[1:])

    def _make_architecture(
        self, problem: Problem, encoder: ConvAutoencoder | None
    ) -> UNetArchitecture | PretrainedArchitecture:
        n_channels = problem.seen.shape[1]
        network = UNetArchitecture(
            n_channels_in=n_channels if encoder is None else 2 * n_channels,
            n_channels_out=len(self.classes_),
            base_channels=int(self.base_channels),
            depth=int(self.depth),
            is_folded=find_fold(self.fold, self.depth, problem.seen.shape[2:]),
            has_skips=True,
            filter_size=check_filter_size(self.filter_size),
        )
        if encoder is None:
            return network
        plan = cast(ConvArchitecture, encoder._network.architecture)
        return PretrainedArchitecture(network, plan, find_loss(encoder))

    def _make_loss(self, class_weight: NDArray[np.float64]) -> Term:
        weight = torch.from_numpy(class_weight)
        if self.loss == "dice_ce":
            (foreground,) = np.nonzero(self.classes_ != 0)
            return DiceCrossEntropy(weight, torch.from_numpy(foreground))
        return PixelCrossEntropy(weight, FOCUS if self.loss == "focal" else 0.0)


@dataclass(frozen=True)
class PixelStart:
    """Sets the fixed filter of a network to the logistic regression of a pixel's class.

    Attributes
    ----------
    problem : Problem
    size : int
        Size of the kernel, odd.
    class_weight : array of shape (n_classes,)
    encoder : ConvAutoencoder or None
        Autoencoder whose weights are transferred to the network first.
    """

    problem: Problem
    size: int
    class_weight: NDArray[np.float64]
    encoder: ConvAutoencoder | None

    def __call__(self, module: Any, random_state: np.random.RandomState) -> None:
        """Set the network. The regression is no optimum of the loss, so there is no baseline."""
        problem = self.problem
        if self.encoder is not None:
            transfer_(module, self.encoder, problem.units)

        def see(rows: slice) -> NDArray:
            seen = problem.units.enter(problem.seen[problem.train[rows]])
            return seen if self.encoder is None else see_all(module, seen)

        places = problem.target[problem.train]
        found = fit_logistic(see, places, self.class_weight, self.size, random_state)
        module.set_filter_(*map(torch.from_numpy, found))


def find_class_weight(
    class_weight: dict[int, float] | dict[str, float] | str | None,
    classes: NDArray,
    problem: Problem,
) -> NDArray[np.float64]:
    """Return the weights of the classes by the parameter `class_weight`, shape (n_classes,)."""
    counts = _count_labels(problem, len(classes))
    present = np.flatnonzero(counts)
    if class_weight == "balanced":
        # after a warm start, y may lack classes
        weight = np.ones(len(counts))
        weight[present] = counts.sum() / (len(present) * counts[present])
        return weight
    weight = compute_class_weight(class_weight, classes=classes, y=classes[present])
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight[present].max() > 0):
        raise ValueError(
            "The weights of class_weight must be finite, not negative, and not all 0. Got "
            f"{class_weight}."
        )
    return np.asarray(weight, dtype=np.float64)


def _count_labels(problem: Problem, n_classes: int) -> NDArray[np.intp]:
    """Return the number of pixels of every class; pixels in several patches count repeatedly."""
    # blocks were counted while they were read; the target in memory is a sample of them
    summary = problem.summaries.target
    if problem.stream is not None and isinstance(summary, LabelCounts):
        return summary.counts
    return LabelCounts.of(problem.target, n_classes).counts
