"""The regression of images on images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skae._scikit_learn import StrOptions
from skae._types import Seed
from skae.blocks import find_pairs
from skae.fitting._fit import fit_estimator
from skae.fitting._parameters import RECONSTRUCTION, validated_fit
from skae.fitting._recipe import Recipe, Start, keep_random_weights
from skae.fitting._wrappers import corrupted
from skae.image._block_results import explained_in_blocks, images_shape
from skae.image._image_estimator import BaseImageEstimator, read_array
from skae.image._image_format import (
    ImageFormat,
    check_lengths,
    check_sizes,
    find_format,
    guess_target_shape,
)
from skae.image._image_parameters import (
    IMAGES,
    check_filter_size,
    find_fold,
    image_recipe,
    make_move,
)
from skae.image._structural_loss import WINDOW, StructuralDissimilarity
from skae.networks import UNetArchitecture
from skae.objectives import LOSSES, Term
from skae.rows._corruption import CorruptionPlan, plan_corruption
from skae.rows._explained_variance import explained_share
from skae.rows._per_block import by_blocks
from skae.rows._problem import Problem
from skae.rows._summaries import as_pixels
from skae.starts._filter_start import FilterStart, Identity, LeastSquares

ERRORS = ("squared_error", "absolute_error", "huber")


class ImageToImageRegressor(RegressorMixin, BaseImageEstimator):
    """Regression of images on images that starts at the best linear filter.

    A convolutional network g learns a correction to a linear filter, which is the least-squares
    optimum and stays fixed::

        y = b + k * x + s * g(x)

    where k is one kernel for all places. The network starts at zero, so that an untrained
    regressor *is* the filter, and an epoch is kept only if it is better on held-out images.
    g is a U-Net [1]_, or an encoder and a decoder without its skips.

    X and y are pairs of images: noisy and clean, with and without gaps, coarse and fine, or of two
    kinds of pictures. For denoising, clean images are enough: with `corruption`, they are y, and
    X is made from them anew for every batch.

    X and y are arrays of shape (n, height, width), (n, channels, height, width), with
    ``channels="last"`` (n, height, width, channels), or flattened with `image_shape`. The numbers
    of channels may differ, heights and widths may not. :meth:`predict` takes images of any size
    with the channels of X in :meth:`fit`, and returns images in the layout of y.

    Read more in the :doc:`user guide </user_guide/image_to_image>`.

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
        doubling moves them back [2]_, so that the network has no convolutions at full size. An
        epoch then takes less than half of the time. "auto" is true for images, or patches, of at
        least 32 x 32 pixels; in smaller ones, single pixels matter more.

    architecture : {"unet", "autoencoder"}, default="unet"
        Whether the decoder also sees the encoder's maps of each size ("unet"), which preserves
        fine details, or only the smallest maps.

    residual : {"linear", "identity"} or None, default="linear"
        Prediction to which the network's output is added: the best linear filter, or X itself,
        which needs as many channels in y as in X. None is the network alone.

    filter_size : int, default=7
        Size of the filter's kernel for ``residual="linear"``, an odd number. Images need more than
        half as many pixels along both axes.

    loss : {"squared_error", "absolute_error", "huber", "ssim"}, default="squared_error"
        Loss that is minimised, averaged over the pixels. "huber" is quadratic up to the
        root-mean-square deviation of y and linear beyond. "ssim" is one less the structural
        similarity; it needs at least 7 x 7 pixels.

    corruption : {"gaussian", "masking", "salt_and_pepper"} or None, default=None
        Noise on X, drawn anew for every batch; the target stays clean, and y may be left out.
        "gaussian" adds normal noise, "masking" sets entries to 0, "salt_and_pepper" to the lowest
        or highest value of their channel. Epochs are then compared on held-out images with noise,
        which is drawn once.

    corruption_level : float, default=0.3
        For "gaussian" the standard deviation of the noise, in the units of X. Else the share of
        the entries that are changed, in [0, 1].

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

    target_image_shape : sequence of int or None, default=None
        Shape of one image of y, as `image_shape` for X. None takes it from y; flattened images of y
        have the size of the images of X.

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

    warm_start : bool or fitted ImageToImageRegressor, default=False
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
        Draws the weights, the held-out images, the order, the moves and the noise.
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
    image_shape_ : tuple of int
        Shape of one image of X in :meth:`fit`, in X's order and with the channels.

    target_image_shape_ : tuple of int
        Shape of one image of y in :meth:`fit`, in y's order and with the channels.

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean training loss; entry 0 is the start's. For the squared error, this is the share of the
        variance of y that is lost.

    validation_curve_ : list of float of length `n_iter_` + 1, or None
        The same for the held-out images; None without early stopping.

    n_features_in_ : int
        Number of values in an image of X in :meth:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; only if X has names that are all strings.

    See Also
    --------
    skae.AutoencoderTransformer : Denoises rows with a dense network and gives codes.
    skae.metrics.psnr : Peak signal-to-noise ratio.
    skae.metrics.ssim : Structural similarity.

    Notes
    -----
    The network has no normalisation layers: a predicted pixel depends on the pixels around it, and
    on no other image. Only memory limits the size of images; predictions in float32 take less
    memory, and are several times faster, than in float64.

    References
    ----------
    .. [1] Ronneberger, Fischer and Brox (2015). U-Net: convolutional networks for biomedical image
       segmentation. MICCAI.
    .. [2] Shi, Caballero, Huszar, Totz, Aitken, Bishop, Rueckert and Wang (2016). Real-time single
       image and video super-resolution using an efficient sub-pixel convolutional neural network.
       CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skae.image import ImageToImageRegressor
    >>> clean = load_digits().images[:300] / 16
    >>> noisy = clean + np.random.default_rng(0).normal(scale=0.3, size=clean.shape)
    >>> denoiser = ImageToImageRegressor(max_iter=5, random_state=0).fit(noisy[:200], clean[:200])
    >>> denoiser.predict(noisy[200:]).shape
    (100, 8, 8)
    """

    _parameter_constraints: dict[str, list[object]] = {
        **IMAGES,
        **{name: RECONSTRUCTION[name] for name in ("corruption", "corruption_level")},
        "architecture": [StrOptions({"unet", "autoencoder"})],
        "residual": [StrOptions({"linear", "identity"}), None],
        "loss": [StrOptions({*ERRORS, "ssim"})],
        "target_image_shape": ["array-like", None],
    }

    def __init__(
        self,
        *,
        base_channels: int = 16,
        depth: int = 2,
        fold: Literal["auto"] | bool = "auto",
        architecture: Literal["unet", "autoencoder"] = "unet",
        residual: Literal["linear", "identity"] | None = "linear",
        filter_size: int = 7,
        loss: Literal["squared_error", "absolute_error", "huber", "ssim"] = "squared_error",
        corruption: Literal["gaussian", "masking", "salt_and_pepper"] | None = None,
        corruption_level: float = 0.3,
        patch_size: int | None = None,
        augment: str | Sequence[str] | None = None,
        image_shape: Sequence[int] | None = None,
        target_image_shape: Sequence[int] | None = None,
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
        self.architecture = architecture
        self.residual = residual
        self.filter_size = filter_size
        self.loss = loss
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.patch_size = patch_size
        self.augment = augment
        self.image_shape = image_shape
        self.target_image_shape = target_image_shape
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
        tags.target_tags.required = self.corruption is None
        return tags

    @validated_fit
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn to predict images y from images X.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images.
            Blocks of images are read one at a time, once before the training and once for every
            epoch: a memory map of at least 512 MB, an array of zarr or of dask, a list of arrays
            with four dimensions, any object whose `__iter__` yields arrays, the same ones every
            time. Read more in the :doc:`user guide </user_guide/larger_than_memory>`.
        y : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks, \
default=None
            Images of the same size; None, with `corruption` only, for X itself. Blocks have as
            many images as those of X.

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

    @by_blocks(images_shape)
    def predict(self, X: ArrayLike) -> NDArray:
        """Return the images that belong to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images, of any size if they are not flattened.

        Returns
        -------
        y : ndarray of shape (n_samples, height, width) or (n_samples, ...)
            Images in the layout that y had in :meth:`fit`, and in the dtype of X if that is
            float32, else in float64. If X is given in blocks, returns an iterator with one array
            per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        maps = self._apply_all(self._read_known_images(X))
        return self._target_format.from_maps(maps)

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the share of the variance of y that the predictions explain.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images.
        y : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images that should be predicted. They are required here, even if :meth:`fit` had none.

        Returns
        -------
        score : float
            ``1 - SSE / SST`` over all pixels, against the mean of every channel in this y. This is
            :func:`sklearn.metrics.r2_score` of pixels as rows and channels as columns with
            ``multioutput="variance_weighted"``. At most 1; defined for a single image, too.
        """
        check_is_fitted(self)
        if y is None:
            raise ValueError(
                f"{type(self).__name__}.score requires y, the images that should be predicted. "
                "Make noisy images X of clean ones y, and pass both."
            )
        pairs = find_pairs(X, y, self._listed_from)
        if pairs is None:
            return explained_share(*map(as_pixels, self._compare(X, y)))
        return explained_in_blocks(self._compare, pairs, self._target_format.layout.n_channels)

    def _compare(self, X: object, y: object) -> tuple[NDArray, NDArray]:
        """Return targets and predictions as maps."""
        maps = self._read_known_images(X)
        return self._read_known_targets(maps, y), self._apply_all(maps)

    # How X and y are read.

    def _read_targets(self, maps: NDArray, y: object, *, reset: bool) -> tuple[NDArray, NDArray]:
        if y is not None and not reset:
            return maps, self._read_known_targets(maps, y)
        if y is None:
            if self.corruption is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y is None. "
                    "Pass images y of the same size as those of X, or set corruption to learn from "
                    "clean images alone."
                )
            # a denoiser learns from clean images alone
            targets, format_ = maps, self._format
        else:
            given = read_array(y, "y", self)
            format_ = self._find_target_format(given)
            check_sizes(maps.shape[2:], format_.layout.spatial)
            targets = format_.to_maps(given)
        check_lengths(maps, targets)
        self._target_format = format_
        self.target_image_shape_ = format_.layout.shape
        return maps, targets

    def _find_target_format(self, y: NDArray) -> ImageFormat:
        shape = self.target_image_shape
        if shape is None and y.ndim == 2:
            shape = guess_target_shape(y.shape[1], self._format.layout)
        return find_format(y.shape[1:], shape, self.channels, "y", "target_image_shape")

    def _read_known_targets(self, X: NDArray, y: object) -> NDArray:
        """Return y as maps, or raise ValueError if it has another layout or size than expected."""
        given = read_array(y, "y", self)
        known = self._target_format
        if given.ndim != 2:
            known.check(given.shape[1:], "y")
        elif given.shape[1] != np.prod(known.layout.shape):
            raise ValueError(
                f"y has {given.shape[1]} numbers in a row, but images of shape "
                f"{known.layout.shape} are expected, as in fit."
            )
        targets = known.to_maps(given)
        check_lengths(X, targets)
        check_sizes(X.shape[2:], targets.shape[2:])
        return targets

    def _find_margin(self) -> int:
        # only the linear filter sees pixels beyond the border
        return super()._find_margin() if self.residual == "linear" else 0

    # How the network is learned.

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        architecture = UNetArchitecture(
            n_channels_in=problem.seen.shape[1],
            n_channels_out=problem.target.shape[1],
            base_channels=int(self.base_channels),
            depth=int(self.depth),
            is_folded=find_fold(self.fold, self.depth, problem.seen.shape[2:]),
            has_skips=self.architecture == "unet",
            filter_size=self._choose_filter_size(problem),
        )
        plan = plan_corruption(self.corruption, self.corruption_level)
        move = make_move(self.augment, random_state)
        start = self._make_start(problem, plan)
        recipe = image_recipe(problem, architecture, self._make_loss(problem), start, move)
        return corrupted(recipe, plan, problem, random_state)

    def _make_start(self, problem: Problem, plan: CorruptionPlan | None) -> Start:
        if self.residual is None:
            return keep_random_weights
        if self.residual == "identity":
            return FilterStart(problem, Identity(problem, plan))
        return FilterStart(problem, LeastSquares(self.filter_size, problem, plan))

    def _choose_filter_size(self, problem: Problem) -> int:
        """Return the size of the fixed filter; 0 if there is none."""
        n_in, n_out = problem.seen.shape[1], problem.target.shape[1]
        if self.residual is None:
            return 0
        if self.residual == "identity":
            if n_in != n_out:
                raise ValueError(
                    f"residual='identity' needs as many channels in y as in X. Got {n_in} in X and "
                    f"{n_out} in y. Use residual='linear', which takes any numbers of channels."
                )
            return 1  # the identity is a kernel of one pixel
        return check_filter_size(self.filter_size)

    def _make_loss(self, problem: Problem) -> Term:
        if self.loss != "ssim":
            return LOSSES[self.loss]()
        height, width = problem.target.shape[2:]
        if min(height, width) < WINDOW:
            raise ValueError(
                f"loss='ssim' needs images of at least {WINDOW} x {WINDOW} pixels. Got {height} x "
                f"{width}. Use another loss."
            )
        # the range of all images, also if they are read in blocks
        target = problem.summaries.target
        data_range = float(target.high.max()) - float(target.low.min())
        if data_range == 0:
            raise ValueError("loss='ssim' needs images that vary, but y is constant.")
        location, scale = problem.target_units
        return StructuralDissimilarity(data_range / scale, torch.from_numpy(location / scale))
