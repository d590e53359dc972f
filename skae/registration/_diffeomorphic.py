"""The diffeomorphic autoencoder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal

import numpy as np

from skae._types import Seed
from skae.fitting._recipe import Recipe
from skae.latent import Density
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._atlas_recipe import AtlasStart, plan_atlas, plan_deformation
from skae.registration._deformation import DEFORMATION, BaseDeformation
from skae.registration._deformation_terms import LocalCorrelation
from skae.rows._problem import Problem


class DiffeomorphicAutoencoder(BaseDeformation):
    """Autoencoder of shapes: every image is a deformation of one atlas, which is learned.

    It follows Hinkle, Womble and Yoon [1]_. A convolutional encoder maps an image to a code. The
    code is mapped linearly to a smooth velocity field, whose flow psi deforms the atlas to the
    image::

        x(p) = atlas(psi(A(p)))

    psi is a diffeomorphism: it is smooth, has a smooth inverse, and does not fold. A is an affine
    map, the pose, which the encoder finds and undoes before it encodes the shape. The training
    starts at the mean image and the identity, so that an untrained autoencoder *is* the mean
    image, and an epoch is kept only if it is better on held-out images.

    The network finds deformations without an optimisation for every pair of images. Two images are
    registered through the atlas. X may also hold volumes: for them, read (depth, height, width)
    where a shape below has (height, width).

    Parameters
    ----------
    n_components : int, default=16
        Width of the code of a shape. With `affine`, the pose follows it: 6 more numbers for images,
        12 for volumes.

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

    warm_start : bool or fitted DiffeomorphicAutoencoder, default=False
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
    atlas_ : ndarray of the shape of one image of X
        The image whose deformations reconstruct all others, in the units of X.

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
        Mean training loss with all penalties; entry 0 is the start's. For the squared error without
        penalties, this is the share of the variance of X that is lost.

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
    skae.registration.warp_images : Warps images, masks and labels by displacements.
    skae.datasets.make_deformed_shapes : Images whose deformations are known.

    Notes
    -----
    Methods compute flows at every pixel, training at fewer points. The flows differ by a few
    hundredths of a pixel.

    References
    ----------
    .. [1] Hinkle, Womble and Yoon (2019). Diffeomorphic autoencoders for LDDMM atlas building.
    .. [2] Arsigny, Commowick, Pennec and Ayache (2006). A log-Euclidean framework for statistics on
       diffeomorphisms. MICCAI.
    .. [3] Miller, Trouve and Younes (2006). Geodesic shooting for computational anatomy. Journal of
       Mathematical Imaging and Vision 24(2).

    Examples
    --------
    >>> from skae.datasets import make_deformed_shapes
    >>> from skae.registration import DiffeomorphicAutoencoder
    >>> X = make_deformed_shapes(40, n_classes=1, random_state=0).images
    >>> model = DiffeomorphicAutoencoder(4, affine=False, max_iter=2, random_state=0).fit(X)
    >>> model.transform(X).shape, model.atlas_.shape
    ((40, 4), (32, 32))
    >>> pairs = model.register(X[:5], X[5:10])
    >>> pairs.warped.shape, pairs.displacement.shape
    ((5, 32, 32), (5, 2, 32, 32))
    """

    _state_classes = (AtlasArchitecture, LocalCorrelation)
    _parameter_constraints = DEFORMATION

    def __init__(
        self,
        n_components: int = 16,
        *,
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

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        return Recipe(
            architecture=plan_atlas(self),
            objective=plan_deformation(self, problem),
            start=AtlasStart(problem, self._layout),
            smallest_batch=32,
        )
