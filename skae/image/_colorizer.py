"""The colours of grey images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skae._colors import check_colors, find_grey
from skae._scikit_learn import StrOptions
from skae._types import Seed
from skae.blocks import Blocks, find_pairs
from skae.fitting._fit import fit_estimator
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import DENSE, validated_fit
from skae.fitting._recipe import Recipe
from skae.image._block_results import explained_in_blocks, images_shape
from skae.image._color_spaces import SPACES
from skae.image._image_estimator import BaseImageEstimator, read_array
from skae.image._image_format import ImageFormat, check_lengths, check_sizes
from skae.image._image_parameters import (
    IMAGES,
    check_filter_size,
    find_fold,
    image_recipe,
    make_move,
)
from skae.networks import ImageLayout, UNetArchitecture
from skae.objectives import LOSSES
from skae.rows._explained_variance import explained_share
from skae.rows._per_block import by_blocks
from skae.rows._problem import Problem
from skae.rows._summaries import as_pixels
from skae.starts._filter_start import FilterStart, LeastSquares

ERRORS = ("squared_error", "absolute_error", "huber")


class ImageColorizer(RegressorMixin, BaseImageEstimator):
    """Colours of grey images, by a network that starts at the best linear filter.

    The estimator predicts colours c in a color space from the lightness or grey values x. A
    convolutional network g, a U-Net [1]_, learns a correction to a linear filter, which is the
    least-squares optimum and stays fixed::

        c = b + k * x + s * g(x)

    where k is one kernel for all places. The network starts at zero, so that an untrained
    colorizer *is* the filter, and an epoch is kept only if it is better on held-out images.

    Images in colour are enough to fit: the estimator makes them grey and keeps their lightness.
    Grey images and their colours can also be given as X and y. All values lie in [0, 1], and are
    values of sRGB [2]_.

    X and y are arrays of shape (n, height, width), (n, channels, height, width), with
    ``channels="last"`` (n, height, width, channels), or flattened, for X with `image_shape`. Grey
    images have one channel or no axis of channels, and images in colour have three.
    :meth:`predict` takes either, of any size, and returns images in the layout of y.

    Read more in the :doc:`user guide </user_guide/colorizing>`.

    Parameters
    ----------
    color_space : {"lab", "hsv", "rgb"}, default="lab"
        Channels that are predicted. "lab": a and b of CIE Lab, from the lightness L. A prediction
        has exactly the lightness of X; colours outside of RGB are mixed with grey of the same
        lightness. "hsv": the value, and hue and saturation as a point of the unit disc, from grey
        values. "rgb": red, green and blue from grey values, clipped to [0, 1]. With "hsv" and
        "rgb", the lightness may differ from that of X.

    per_channel : bool, default=False
        Whether every predicted channel has a network of its own, with `base_channels` each. The
        networks have only the kept epoch in common. With ``color_space="rgb"``, there are three
        networks: from grey to red, to green and to blue.

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
        Size of the filter's kernel, an odd number. Images need more than half as many pixels along
        both axes.

    loss : {"squared_error", "absolute_error", "huber"}, default="absolute_error"
        Loss that is minimised, averaged over the pixels, in the channels of `color_space`. The
        squared error leads to the mean of all colours that a pixel might have, which is pale; the
        absolute error leads to their median. "huber" is quadratic up to the root-mean-square
        deviation of the channels and linear beyond.

    weight_decay : float, default=1.0
        Decoupled weight decay over the whole training: without gradients, weights would shrink
        by the factor ``exp(-weight_decay)`` in `max_iter` epochs. It keeps the network from
        memorising colours that grey values do not determine.

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

    warm_start : bool or fitted ImageColorizer, default=False
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
        Draws the weights, the held-out images, the order and the moves.
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

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean training loss; entry 0 is the start's. For the squared error, this is the share of the
        variance of the predicted channels that is lost.

    validation_curve_ : list of float of length `n_iter_` + 1, or None
        The same for the held-out images; None without early stopping.

    n_features_in_ : int
        Number of values in an image of X in :meth:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; only if X has names that are all strings.

    See Also
    --------
    ImageToImageRegressor : Predicts images of any kind from images.
    skae.metrics.ab_error : Mean distance of colours.
    skae.metrics.psnr : Peak signal-to-noise ratio.

    Notes
    -----
    CIE Lab [3]_ has the white of sRGB, D65, so that greys have a = b = 0. If no RGB in [0, 1] has
    the lightness of X and the predicted a and b, the colour is mixed with grey of the same
    luminance, with as little of it as possible.

    References
    ----------
    .. [1] Ronneberger, Fischer and Brox (2015). U-Net: convolutional networks for biomedical image
       segmentation. MICCAI.
    .. [2] IEC 61966-2-1:1999. Multimedia systems and equipment - Colour measurement and
       management - Part 2-1: Default RGB colour space - sRGB.
    .. [3] CIE 15:2004. Colorimetry, 3rd edition.
    .. [4] Shi, Caballero, Huszar, Totz, Aitken, Bishop, Rueckert and Wang (2016). Real-time single
       image and video super-resolution using an efficient sub-pixel convolutional neural network.
       CVPR.

    Examples
    --------
    >>> from sklearn.datasets import load_sample_image
    >>> from skae.image import ImageColorizer
    >>> photograph = load_sample_image("flower.jpg")[:416] / 255
    >>> squares = photograph.reshape(13, 32, 20, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)
    >>> colorizer = ImageColorizer(channels="last", max_iter=3, random_state=0)
    >>> colorizer.fit(squares[::2]).predict(squares[1::2].mean(axis=3)).shape
    (130, 32, 32, 3)
    """

    _parameter_constraints: dict[str, list[object]] = {
        **IMAGES,
        "color_space": [StrOptions(set(SPACES))],
        "per_channel": ["boolean"],
        "loss": [StrOptions(set(ERRORS))],
        "weight_decay": DENSE["weight_decay"],
    }

    def __init__(
        self,
        *,
        color_space: Literal["lab", "hsv", "rgb"] = "lab",
        per_channel: bool = False,
        base_channels: int = 16,
        depth: int = 2,
        fold: Literal["auto"] | bool = "auto",
        filter_size: int = 7,
        loss: Literal["squared_error", "absolute_error", "huber"] = "absolute_error",
        weight_decay: float = 1.0,
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
        self.color_space = color_space
        self.per_channel = per_channel
        self.base_channels = base_channels
        self.depth = depth
        self.fold = fold
        self.filter_size = filter_size
        self.loss = loss
        self.weight_decay = weight_decay
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
        tags.target_tags.required = False
        return tags

    @validated_fit
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn the colours of grey images.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Grey images, or coloured ones, which are made grey. Values lie in [0, 1].
            Blocks of images are read one at a time, once before the training and once for every
            epoch: a memory map of at least 512 MB, an array of zarr or of dask, a list of arrays
            with four dimensions, any object whose `__iter__` yields arrays, the same ones every
            time. Read more in the :doc:`user guide </user_guide/larger_than_memory>`.
        y : array-like of shape (n_samples, 3, height, width) or (n_samples, ...), or blocks, \
default=None
            The same images in RGB, in [0, 1]; None for X itself. Blocks have as many images as
            those of X.

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
        """Return images in colour.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Grey images, or coloured ones, which are made grey first; of any size if they are not
            flattened. Values lie in [0, 1].

        Returns
        -------
        y : ndarray of shape (n_samples, 3, height, width) or (n_samples, ...)
            RGB in [0, 1], in the layout that y had in :meth:`fit`, and in the dtype of X if that is
            float32, else in float64. If X is given in blocks, returns an iterator with one array
            per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        return self._target_format.from_maps(self._paint(self._read_known_images(X)))

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Return the share of the variance of colours that the predictions explain.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Grey images, or coloured ones, which are made grey first.
        y : array-like of shape (n_samples, 3, height, width) or (n_samples, ...), or blocks, \
default=None
            The same images in RGB; None for X itself.

        Returns
        -------
        score : float
            ``1 - SSE / SST`` of red, green and blue over all pixels, against the mean of every
            channel in this y. At most 1.
        """
        check_is_fitted(self)
        pairs = find_pairs(X, y, self._listed_from)
        if pairs is None:
            return explained_share(*map(as_pixels, self._compare(X, y)))
        return explained_in_blocks(self._compare, pairs, 3)

    def _compare(self, X: object, y: object) -> tuple[NDArray, NDArray]:
        """Return colours and predictions as maps."""
        maps = self._read_known_images(X)
        colors, _ = self._read_colors(maps, y)
        return colors, self._paint(maps)

    # How X and y are read.

    def _list_labels(self, y: Blocks, source: Self | None) -> None:
        # colours have no labels, but this is asked before a warm start takes the network over
        if source is not None and source._color_space != self.color_space:
            raise ValueError(
                f"warm_start needs a network for color_space={self.color_space!r}. It is fitted "
                f"with {source._color_space!r}."
            )

    def _read_targets(self, maps: NDArray, y: object, *, reset: bool) -> tuple[NDArray, NDArray]:
        grey = self._read_grey(maps)
        colors, format_ = self._read_colors(maps, y)
        if reset:
            self._target_format = format_
        space = SPACES[self.color_space]
        return space.see(grey), space.find_targets(colors)

    def _read_grey(self, maps: NDArray) -> NDArray:
        """Return the grey values of images of X."""
        if maps.shape[1] not in (1, 3):
            raise ValueError(
                f"X has images with {maps.shape[1]} channels, but grey ones (1 channel, or none) "
                "or coloured ones (3, in RGB) are wanted. Remove the alpha channel of RGBA images."
            )
        maps = check_colors(maps, "X")
        return maps if maps.shape[1] == 1 else find_grey(maps)

    def _read_colors(self, maps: NDArray, y: object) -> tuple[NDArray, ImageFormat]:
        """Return the colours of the images of X as maps, and their layout."""
        if y is None:
            if maps.shape[1] != 3:
                raise ValueError(
                    "X has grey images, and the target y is None. Pass the same images in colour "
                    "as y, or coloured ones as X alone."
                )
            return check_colors(maps, "X"), self._format
        given = read_array(y, "y", self)
        format_ = self._find_color_format(maps.shape[2:], given.shape[1:])
        check_lengths(maps, given)
        colors = format_.to_maps(given)
        check_sizes(maps.shape[2:], colors.shape[2:])
        return check_colors(colors, "y"), format_

    def _find_color_format(self, spatial: tuple[int, ...], row: tuple[int, ...]) -> ImageFormat:
        """Return the layout of y, or raise ValueError if rows of this shape are no colours."""
        is_last = self._format.layout.is_channels_last
        layout = ImageLayout((*spatial, 3) if is_last else (3, *spatial), is_last)
        is_image = len(row) == 3 and row[-1 if is_last else 0] == 3
        if is_image or row == (prod(layout.shape),):
            return ImageFormat(layout, len(row) + 1)
        # the commonest mistake: channels in the other place
        place, other = ("last", "first") if is_last else ("first", "last")
        raise ValueError(
            f"y has rows of shape {row}, but colours of the images of X are wanted: shape "
            f"{layout.shape}, or {prod(layout.shape)} numbers. Channels are {place}; if they are "
            f"not, set channels={other!r}."
        )

    def _check_images(self, row: tuple[int, ...]) -> None:
        # a colorizer takes grey images and images in colour, whichever fit was given
        place = -1 if self._format.layout.is_channels_last else 0
        if len(row) == 2 or (len(row) == 3 and row[place] in (1, 3)):
            return
        raise ValueError(
            f"X has images of shape {row}, but grey or coloured images are expected, of any size: "
            f"2 dimensions, or 3 with 1 or 3 channels, and these {'last' if place else 'first'}."
        )

    def _paint(self, maps: NDArray) -> NDArray:
        """Return images of X in colour."""
        # the space of the fit: the parameter may have been set since
        space = SPACES[self._color_space]
        seen = space.see(self._read_grey(maps))
        return space.find_colors(seen, self._apply_all(seen))

    # How the network is learned.

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        architecture = UNetArchitecture(
            n_channels_in=1,
            n_channels_out=problem.target.shape[1],
            base_channels=int(self.base_channels),
            depth=int(self.depth),
            is_folded=find_fold(self.fold, self.depth, problem.seen.shape[2:]),
            has_skips=True,
            filter_size=check_filter_size(self.filter_size),
            is_per_channel=bool(self.per_channel),
        )
        start = FilterStart(problem, LeastSquares(self.filter_size, problem))
        move = make_move(self.augment, random_state)
        recipe = image_recipe(problem, architecture, LOSSES[self.loss](), start, move)
        return replace(recipe, weight_decay=self.weight_decay)

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        self._color_space = self.color_space
        return super()._keep(problem, fitted, random_state)
