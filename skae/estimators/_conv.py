"""The autoencoder of signals, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod
from numbers import Integral
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae._scikit_learn import Interval, StrOptions
from skae._types import Seed
from skae.engine import ImageAugmentation
from skae.estimators._base import BaseAutoencoder
from skae.estimators._image_rows import ImageRowsMixin, check_hidden_channels
from skae.estimators._ordered import OrderedCodesMixin, choose_n_components, ordered
from skae.estimators._reconstruction import reconstruction_recipe
from skae.fitting._application import as_array, as_tensor, in_batches
from skae.fitting._dispatch import dispatched
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import DENSE, LATENT, ORDERED, RECONSTRUCTION, TRAINING
from skae.fitting._recipe import Recipe
from skae.fitting._wrappers import moved
from skae.latent import Density
from skae.networks import POOLINGS, ConvArchitecture
from skae.objectives import LOSSES
from skae.rows._kinds import Description
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.rows._rows import Rows
from skae.rows._units import Units

AUGMENTATIONS = ("shift", "flip")


class ConvAutoencoder(OrderedCodesMixin, ImageRowsMixin, BaseAutoencoder):
    """Convolutional autoencoder of signals, images and volumes that starts at PCA.

    As :class:`AutoencoderTransformer`, with convolutional networks f and g around PCA::

        z  = A (x - mu) + s * f(x - mu)
        x' = mu + B z   + r * g(z, B z)

    f is a stack of convolutions that halve every size, and a linear layer; g a linear layer and
    convolutions that double every size. The last one also sees PCA's part of the
    reconstruction, as an image, and refines it. Sizes are doubled by repeating each entry before
    the convolution, which leaves no checkerboards [2]_. Any size will do, odd ones included.

    X may hold images in any of these shapes, and :meth:`inverse_transform`,
    :meth:`reconstruct` and :meth:`sample` return the one that :meth:`fit` was given:

    ==================================== ===================================================
    shape of X                           what a row is
    ==================================== ===================================================
    (n, height, width)                   a grey image
    (n, channels, height, width)         an image with channels
    (n, channels, depth, height, width)  a volume
    (n, length)                          a signal, if there is no `image_shape`
    (n, channels, length)                a signal with channels, given `image_shape`
    (n, any number)                      a flattened image of shape `image_shape`
    ==================================== ===================================================

    Read more in the :doc:`user guide </user_guide/conv_autoencoder>`.

    Parameters
    ----------
    n_components : int or float, default=2
        Size of the code.

        With ``ordered=True`` it may be a share of the variance between 0 and 1: kept are, as by
        PCA, as few components as explain more than that of the training rows, out of as many as
        PCA needs.

    ordered : bool, default=False
        Whether to order the components as PCA's are [3]_: the first ones are a code of their own,
        and :meth:`truncate` gives the estimator of any smaller width without another fit. Each
        row is decoded from the first entries of its code, of which there is a random number.
        The price is a higher error than that of a fit of one width, as the user guide has it.
        Needs ``init="pca"``.

    image_shape : sequence of int or None, default=None
        Shape of one image, in X's order and with the channels: (channels, length),
        (channels, height, width) or (channels, depth, height, width), or with the channels at the
        end for ``channels="last"``. None takes it from X.

    channels : {"first", "last"}, default="first"
        Where X has its channels. With "last", X of three dimensions holds signals, shape
        (n, length, channels).

    hidden_channels : sequence of int, default=(16, 32, 64)
        Channels of the encoder's convolutions, each of which halves every size. The decoder
        mirrors them, and has half as many channels as the first at the full size.

    kernel_size : int, default=5
        Size of the convolutions along every axis, an odd number. For volumes 3 is faster.

    pooling : {"stride", "max", "average"}, default="stride"
        How sizes are halved: by convolutions at every other place, or by the largest or the mean
        of neighbours after them, which takes longer.

    activation : {"silu", "relu", "gelu", "elu", "tanh", "leaky_relu", "identity"}, \
            default="silu"
        Activation function of the hidden layers.

    init : {"pca", "random"}, default="pca"
        "pca" starts at PCA and learns what is to be added to it. "random" is the plain
        convolutional autoencoder: no linear part, all weights drawn at random.

    augment : {"shift", "flip"}, sequence of these or None, default=None
        What is done to images in training, anew for every batch: "shift" moves them by up to
        `max_shift` entries along every axis, repeating the border, "flip" mirrors one in two along
        the last axis.

    max_shift : int, default=1
        Largest move for ``augment="shift"``; below the smallest size of an image that is not 1.

    loss : {"squared_error", "absolute_error", "huber", "binary_crossentropy"}, \
            default="squared_error"
        The reconstruction loss, averaged over the features. "huber" is quadratic up to the
        root-mean-square deviation of X and linear beyond. "binary_crossentropy" is for data in
        [0, 1]; it starts at the logistic regressions of X on PCA's codes.

    alpha : float, default=0.0
        Strength of the penalty on the weights,
        ``alpha * (l1_ratio * sum |w| + (1 - l1_ratio) / 2 * sum w**2)``, which is added to the
        loss. With ``init="pca"`` it shrinks towards PCA, else towards zero.

    l1_ratio : float, default=0.0
        Share of the L1 norm in the penalty: 0 is L2, 1 is L1, between is the elastic net.

    contractive : float, default=0.0
        Strength of the contractive penalty, the squared Frobenius norm of the Jacobian of the
        code, which is added to the loss. Costs a backward pass per component.

    corruption : {"gaussian", "masking", "salt_and_pepper"} or None, default=None
        Noise on the inputs, drawn anew for every batch, while the target stays clean: a
        denoising autoencoder. "gaussian" adds normal noise, "masking" sets entries to 0,
        "salt_and_pepper" to the lowest or highest value of their feature. Epochs are then
        compared on held-out rows with noise, which is drawn once.

    corruption_level : float, default=0.3
        For "gaussian" the standard deviation of the noise, in the units of X. Else the share of
        the entries that are changed, in [0, 1].

    weight_decay : float, default=1.0
        Decoupled weight decay over the whole training: without gradients, weights would shrink
        by the factor ``exp(-weight_decay)`` in `max_iter` epochs.

    learning_rate : {"averaged", "cosine", "constant"}, default="cosine"
        Course of the learning rate after a warm-up of 5 % of the updates: constant, or down to
        zero at `max_iter` along half a cosine. "averaged" is constant in the first half and falls
        in the second, and the weights that are measured and kept are means over the last tenth
        of `max_iter`.

    learning_rate_init : float, default=0.003
        Largest learning rate.

    batch_size : "auto" or int, default="auto"
        Rows per update. "auto" is 32, for more than some 1,400 training rows 64, and 128 for
        more than some 20,000; fewer for images so large that these would take much memory.

    max_iter : int, default=40
        Largest number of epochs, that is, passes over the training rows. 0 keeps the start.

    early_stopping : bool, default=True
        Whether to hold out rows, keep the epoch that reconstructs them best and stop when none
        has been better for a while. If false, every row is trained on for exactly `max_iter`
        epochs, and the last is kept unless it is worse than the start on the training rows.

    validation_fraction : float, default=0.1
        Share of the rows that early stopping holds out. PCA is fitted on all rows, the
        held-out ones included.

    n_iter_no_change : int, default=20
        Epochs without an improvement after which early stopping ends the training.

    tol : float, default=1e-4
        An improvement lowers the loss of the held-out rows by more than this share of it.

    warm_start : bool or fitted ConvAutoencoder, default=False
        True goes on from the previous fit. Another fitted estimator of the same shape gives its
        weights and its centring; wrap it in :class:`~sklearn.frozen.FrozenEstimator` where the
        estimator is cloned, as in a grid search.

    latent_density : {"gmm", "gaussian", "kde"} or object, default="gmm"
        Density from which :meth:`sample` draws codes: a mixture of up to ten normal
        distributions, a single one, or a kernel density estimate, fitted to standardised training
        codes (to at most 10,000 of them). An object must have ``fit(codes)`` and
        ``sample(n_samples)``.

    device : str, default="auto"
        "cpu", "cuda", "cuda:1", "mps", or "auto" for the first there is of CUDA, MPS and CPU.

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of matrix products in training. "bfloat16" is faster for large
        networks on processors and GPUs that have units for it, and slower elsewhere; weights, the
        linear start, losses and results stay in float32 and float64. "auto" is "bfloat16" for
        convolutions on a GPU that has it, else "float32".

    random_state : int, RandomState instance or None, default=None
        Draws the weights, the held-out rows, the order of the rows, the moves and the noise.
        Pass an int for the same result at every call.

    checkpoint : str, path-like or None, default=None
        Folder in which the state of the training is kept, so that a fit that was cut off goes on
        when it is called again, with the same result as one that was not (bit for bit on one
        thread). The folder may be shared: a file is named after data and parameters, and is
        removed when its fit is complete. Needs `random_state`.

    checkpoint_every : int, default=10
        Epochs from one writing of the state to the next.

    verbose : int, default=0
        1 prints losses and the time left in every tenth part of `max_iter`, 2 in every epoch.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of one image, in X's order and with the channels.

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean training loss per row, penalties included; entry 0 is the start's. For the squared
        error without penalties this is the share of the variance of X that is lost; with
        `augment`, by images that were moved. With `ordered`, losses at all lengths are weighted,
        so that the start's is about 1.

    validation_curve_ : list of float of length `n_iter_` + 1, or None
        The same for the held-out rows; None without early stopping. With `ordered`, all lengths
        are as frequent here, while in training most codes are short or whole.

    n_components_ : int
        Number of components.

    explained_variance_ratio_ : ndarray of shape (`n_components_`,)
        The share of the variance that each component adds to those before it, on up to 10,000
        training rows. Its sum is the score on these. A component may add more than the one
        before it, or take something away. Only with ``ordered=True``.

    mean_ : ndarray of shape (n_features,)
        Means of the features: the mean image, flattened.

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
    AutoencoderTransformer : For tables, and where neighbouring features have nothing in common.

    Notes
    -----
    The promise is on the held-out rows: their loss is never above that of PCA of the other rows.

    References
    ----------
    .. [1] Masci, Meier, Ciresan and Schmidhuber (2011). Stacked convolutional auto-encoders for
       hierarchical feature extraction. ICANN.
    .. [2] Odena, Dumoulin and Olah (2016). Deconvolution and checkerboard artifacts. Distill.
    .. [3] Rippel, Gelbart and Adams (2014). Learning ordered representations with nested dropout.
       ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import ConvAutoencoder
    >>> images = load_digits().images
    >>> images.shape
    (1797, 8, 8)
    >>> autoencoder = ConvAutoencoder(8, max_iter=5, random_state=0).fit(images)
    >>> codes = autoencoder.transform(images)
    >>> codes.shape
    (1797, 8)
    >>> autoencoder.inverse_transform(codes).shape
    (1797, 8, 8)
    """

    _parameter_constraints: dict[str, list[object]] = {
        **LATENT,
        **TRAINING,
        **RECONSTRUCTION,
        **ORDERED,
        **{name: DENSE[name] for name in ("activation", "init", "weight_decay")},
        "image_shape": ["array-like", None],
        "channels": [StrOptions({"first", "last"})],
        "hidden_channels": ["array-like"],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "pooling": [StrOptions(set(POOLINGS))],
        "augment": [StrOptions(set(AUGMENTATIONS)), "array-like", None],
        "max_shift": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int | float = 2,
        *,
        ordered: bool = False,
        image_shape: Sequence[int] | None = None,
        channels: Literal["first", "last"] = "first",
        hidden_channels: Sequence[int] = (16, 32, 64),
        kernel_size: int = 5,
        pooling: Literal["stride", "max", "average"] = "stride",
        activation: str = "silu",
        init: Literal["pca", "random"] = "pca",
        augment: str | Sequence[str] | None = None,
        max_shift: int = 1,
        loss: str = "squared_error",
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        contractive: float = 0.0,
        corruption: Literal["gaussian", "masking", "salt_and_pepper"] | None = None,
        corruption_level: float = 0.3,
        weight_decay: float = 1.0,
        learning_rate: Literal["averaged", "cosine", "constant"] = "cosine",
        learning_rate_init: float = 3e-3,
        batch_size: Literal["auto"] | int = "auto",
        max_iter: int = 40,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        warm_start: object = False,
        latent_density: str | Density = "gmm",
        device: str = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        random_state: Seed = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 10,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.ordered = ordered
        self.image_shape = image_shape
        self.channels = channels
        self.hidden_channels = hidden_channels
        self.kernel_size = kernel_size
        self.pooling = pooling
        self.activation = activation
        self.init = init
        self.augment = augment
        self.max_shift = max_shift
        self.loss = loss
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.contractive = contractive
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.weight_decay = weight_decay
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
        tags.input_tags.three_d_array = True
        return tags

    @dispatched
    def feature_maps(self, X: ArrayLike, layer: int = -1) -> NDArray:
        """Return what a convolution of the encoder makes of images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images, as for :meth:`transform`.
        layer : int, default=-1
            Which convolution; 0 is the first, -1 the last.

        Returns
        -------
        maps : ndarray of shape (n_samples, n_channels, ...)
            After activation and pooling; the channels come first, whatever `channels` is.
        """
        check_is_fitted(self)
        X = self._validate_known(X)
        plan: Any = self._network.architecture
        n_layers = len(plan.hidden_channels)
        if not isinstance(layer, int | np.integer) or not -n_layers <= layer < n_layers:
            raise ValueError(
                f"layer must be an int from {-n_layers} to {n_layers - 1}. Got {layer!r} instead."
            )
        # map_sizes begins with the image itself
        shape = plan.hidden_channels[layer], *plan.map_sizes[1:][layer]
        find_maps = partial(self._find_maps, layer=layer)
        return in_batches(self, find_maps, X, prod(shape)).reshape(-1, *shape)

    def _find_maps(self, network: Any, X: NDArray, layer: int) -> NDArray:
        """Return the entries of one layer's maps, side by side."""
        is_around = self._network.architecture.linear_start  # type: ignore[attr-defined]
        encoder = network.encoder.network if is_around else network.encoder
        x = as_tensor(self._units.enter_as_given(X), network)
        # (n, n_channels, *sizes) -> (n, n_channels * prod(sizes))
        return as_array(encoder.maps(x)[layer].flatten(1))

    def _transform_module(self) -> nn.Module:
        return nn.Sequential(nn.Flatten(), self.encoder_)

    def _inverse_transform_module(self) -> nn.Module:
        return nn.Sequential(self.decoder_, nn.Unflatten(1, self._row_shape))

    def _describe(self, rows: Rows, source: Self | None) -> Description:
        return super()._describe(rows, source)._replace(link=LOSSES[self.loss]())

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        architecture = ConvArchitecture(
            layout=self._layout,
            hidden_channels=check_hidden_channels(self.hidden_channels),
            kernel_size=self._check_kernel_size(),
            pooling=self.pooling,
            n_components=choose_n_components(self, problem),
            activation=self.activation,
            linear_start=self.init == "pca",
            ordered=self.ordered,
        )
        recipe = reconstruction_recipe(self, problem, architecture, random_state)
        recipe = replace(recipe, weight_decay=self.weight_decay, smallest_batch=32)
        if self.ordered:
            recipe = ordered(recipe, problem, random_state)
        return moved(recipe, self._make_move(problem.units, random_state))

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        super()._keep(problem, fitted, random_state)
        return self._keep_order(problem)

    def _check_kernel_size(self) -> int:
        if self.kernel_size % 2 == 0:
            raise ValueError(
                "The 'kernel_size' parameter must be odd, so that kernels have a centre. Got "
                f"{self.kernel_size} instead."
            )
        if self.kernel_size == 1 and self.pooling == "stride":
            raise ValueError(
                "The 'kernel_size' parameter must be at least 3 with pooling='stride', or three of "
                "four pixels would not be seen. Got 1 instead."
            )
        return int(self.kernel_size)

    def _make_move(
        self, units: Units, random_state: np.random.RandomState
    ) -> ImageAugmentation | None:
        """Return what moves images in training, if anything does."""
        names = self._check_augment()
        if not names:
            return None
        layout = self._layout
        # the axes of an image without its channels
        first = 0 if layout.is_channels_last else 1
        return ImageAugmentation(
            layout.shape,
            axes=tuple(range(first, first + len(layout.spatial))),
            max_shift=self._check_max_shift() if "shift" in names else 0,
            is_mirrored="flip" in names,
            mean=torch.from_numpy(units.location / units.scale),
            generator=torch_generator(random_state),
        )

    def _check_max_shift(self) -> int:
        # an axis of size 1 cannot be moved along, and does not bound the others
        smallest = min((size for size in self._layout.spatial if size > 1), default=1)
        if self.max_shift >= max(2, smallest):
            raise ValueError(
                f"The 'max_shift' parameter must be below the size of the images, {smallest}, or "
                f"nothing of them would be left. Got {self.max_shift} instead."
            )
        return int(self.max_shift)

    def _check_augment(self) -> set[str]:
        if self.augment is None:
            return set()
        names = [self.augment] if isinstance(self.augment, str) else list(self.augment)
        if not all(isinstance(name, str) and name in AUGMENTATIONS for name in names):
            raise ValueError(
                f"The 'augment' parameter must be None, or one or more of {AUGMENTATIONS}. Got "
                f"{self.augment!r} instead."
            )
        return set(names)
