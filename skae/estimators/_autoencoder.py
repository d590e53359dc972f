"""The autoencoder that starts at PCA."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skae._types import Seed
from skae.estimators._base import BaseAutoencoder
from skae.estimators._ordered import OrderedCodesMixin, choose_n_components, ordered
from skae.estimators._reconstruction import reconstruction_recipe
from skae.estimators._widths import hidden_sizes, is_linear
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import DENSE, LATENT, ORDERED, RECONSTRUCTION, TRAINING
from skae.fitting._recipe import Recipe
from skae.latent import Density
from skae.networks import DenseArchitecture
from skae.objectives import LOSSES
from skae.rows._kinds import Description
from skae.rows._problem import Problem
from skae.rows._rows import Rows


class AutoencoderTransformer(OrderedCodesMixin, BaseAutoencoder):
    """Nonlinear dimensionality reduction that starts at PCA and only gets better.

    An encoder maps each row x to a code z of `n_components` numbers, a decoder maps the code
    back to a reconstruction x', and both are trained so that x' is close to x::

        z  = A (x - mu) + s * f(x - mu)
        x' = mu + B z   + r * g(z)

    With ``init="pca"``, A and B are PCA's (with codes of unit variance), and the networks f and
    g start at zero: before any training the model *is* PCA. Training changes f and g only. It
    leaves some rows out, and the epoch that reconstructs these best is kept if it is better than
    PCA of the other rows, significantly so by a test over these rows, and by at least half of
    what PCA gains when it sees them. Otherwise the result is PCA of all rows. With a
    `corruption`, PCA's components are shrunk as a Wiener filter does.

    Inside, X is centred by its feature means and divided by one number, its root-mean-square
    deviation: the squared error stays PCA's own, and ``fit(c * X + b)`` gives the same codes for
    c > 0.
    Features of very different units should be scaled beforehand, as for PCA.

    Read more in the :doc:`user guide </user_guide/autoencoder_transformer>`.

    Parameters
    ----------
    n_components : int or float, default=2
        Size of the code. Where it exceeds the rank of the data, the components that PCA cannot
        give start at random directions that the decoder ignores. With as many components as
        features, or more, rows can be copied without anything being learned, unless a
        `corruption`, `alpha` or `contractive` forbids it. A warning says so of more than there are
        features; as many only rotate X, as all components of PCA do.

        With ``ordered=True`` it may be a share of the variance between 0 and 1: kept are, as by
        PCA, as few components as explain more than that of the training rows, out of as many as
        PCA needs.

    ordered : bool, default=False
        Whether to order the components as PCA's are [6]_: the first ones are a code of their own,
        and :meth:`truncate` gives the estimator of any smaller width without another fit. Each
        row is decoded from the first entries of its code, of which there is a random number.
        The price is a higher error than that of a fit of one width, as the user guide has it.
        Needs ``init="pca"`` and ``tied_weights=False``.

    hidden_layer_sizes : "auto", int or array-like of int, default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` is a linear
        autoencoder. "auto" is two layers, about twice as wide as the data but between 128 and
        512.

    activation : {"silu", "relu", "gelu", "elu", "tanh", "leaky_relu", "identity"}, \
            default="silu"
        Activation function of the hidden layers.

    init : {"pca", "random"}, default="pca"
        "pca" starts at PCA and learns what is to be added to it. "random" is the plain
        autoencoder: no linear part, all weights drawn at random.

    tied_weights : bool, default=False
        Whether the decoder uses the transposed weights of the encoder. PCA's codes are then not
        rescaled to unit variance. With a `corruption`, the start's decoder is shrunk, and no
        transpose.

    loss : {"squared_error", "absolute_error", "huber", "binary_crossentropy"}, \
            default="squared_error"
        The reconstruction loss, averaged over the features. "huber" is quadratic up to the
        root-mean-square deviation of X and linear beyond. "binary_crossentropy" is for data in
        [0, 1]; it starts at the logistic regressions of X on PCA's codes.

    alpha : float, default=0.0
        Strength of the penalty on the weight matrices,
        ``alpha * (l1_ratio * sum |w| + (1 - l1_ratio) / 2 * sum w**2)``, which is added to the
        loss. With ``init="pca"`` it shrinks towards PCA, else towards zero.

    l1_ratio : float, default=0.0
        Share of the L1 norm in the penalty: 0 is L2, 1 is L1, between is the elastic net.

    contractive : float, default=0.0
        Strength of the contractive penalty [3]_, the squared Frobenius norm of the Jacobian of
        the code, which is added to the loss. Costs a backward pass per component.

    corruption : {"gaussian", "masking", "salt_and_pepper"} or None, default=None
        Noise on the inputs, drawn anew for every batch, while the target stays clean: a
        denoising autoencoder [4]_. "gaussian" adds normal noise, "masking" sets entries to 0,
        "salt_and_pepper" to the lowest or highest value of their feature. Epochs are then
        compared on held-out rows with noise, which is drawn once.

    corruption_level : float, default=0.3
        For "gaussian" the standard deviation of the noise, in the units of X. Else the share of
        the entries that are changed, in [0, 1].

    solver : {"auto", "adam", "lbfgs"}, default="auto"
        "adam" takes a step for every batch of rows, with AdamW [5]_. "lbfgs" takes twenty
        quasi-Newton steps an epoch, each with all rows, in float64; it has no use for
        `batch_size`, `weight_decay` and the learning rate. "auto" is "lbfgs" for a linear
        autoencoder without corruption, else "adam".

    weight_decay : float, default=1.0
        Decoupled weight decay over the whole training: without gradients, weight matrices
        would shrink by the factor ``exp(-weight_decay)`` in `max_iter` epochs. Has no effect
        without hidden layers, where it would only bias the solution.

    learning_rate : {"averaged", "cosine", "constant"}, default="averaged"
        Course of the learning rate after a warm-up of 5 % of the updates: constant, or down to
        zero at `max_iter` along half a cosine. "averaged" is constant in the first half and falls
        in the second, and the weights that are measured and kept are means over the last tenth
        of `max_iter`.

    learning_rate_init : float, default=0.005
        Largest learning rate.

    batch_size : "auto" or int, default="auto"
        Rows per update. "auto" is 128, for more than some 1,400 training rows 256, and 512 for
        more than some 20,000.

    max_iter : int, default=100
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

    warm_start : bool or fitted AutoencoderTransformer, default=False
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
        Precision of matrix products in training with "adam". "bfloat16" is faster for large
        networks on processors and GPUs that have units for it, and slower elsewhere; weights, the
        linear start, losses and results stay in float32 and float64. "auto" is "bfloat16" for
        convolutions on a GPU that has it, else "float32".

    random_state : int, RandomState instance or None, default=None
        Draws the weights, the held-out rows, the order of the rows and the noise. Pass an int
        for the same result at every call.

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
    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean training loss per row, penalties included; entry 0 is the start's. For the squared
        error without penalties this is the share of the variance of X that is lost. Weights are
        not averaged here: those that are kept do better. With `ordered`, losses at all lengths
        are weighted, so that the start's is about 1.

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
        Means of the features.

    latent_density_ : object
        Has ``sample(n_samples, random_state)``; fitted when it is first drawn from.

    encoder_ : torch.nn.Module
        A copy of the encoder in float32, from rows of X, in their own units, to codes.

    decoder_ : torch.nn.Module
        A copy of the decoder in float32, from codes to rows of X.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; only if X has names that are all strings.

    See Also
    --------
    AutoencoderCV : Chooses the number of components with one fit a fold.
    sklearn.decomposition.PCA : The start; fitted in closed form.
    sklearn.neural_network.MLPRegressor : Networks for targets that are given.

    Notes
    -----
    The promise is on the held-out rows: their loss is never above that of PCA of the other rows.
    On new rows this holds statistically. With few rows, say below a hundred, the held-out ones
    seldom prove that an epoch is better, and the estimator mostly is PCA; with a single
    held-out row it always is.

    Training with "adam" runs in float32. Results for float64 data are computed in float64.

    References
    ----------
    .. [1] Hinton and Salakhutdinov (2006). Reducing the dimensionality of data with neural
       networks. Science 313.
    .. [2] Bourlard and Kamp (1988). Auto-association by multilayer perceptrons and singular
       value decomposition. Biological Cybernetics 59.
    .. [3] Rifai, Vincent, Muller, Glorot and Bengio (2011). Contractive auto-encoders. ICML.
    .. [4] Vincent, Larochelle, Lajoie, Bengio and Manzagol (2010). Stacked denoising
       autoencoders. JMLR 11.
    .. [5] Loshchilov and Hutter (2019). Decoupled weight decay regularization. ICLR.
    .. [6] Rippel, Gelbart and Adams (2014). Learning ordered representations with nested dropout.
       ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae import AutoencoderTransformer
    >>> X = load_digits().data
    >>> autoencoder = AutoencoderTransformer(n_components=8, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape
    (1797, 8)
    >>> pca = PCA(n_components=8).fit(X)
    >>> bool(autoencoder.score(X) > pca.explained_variance_ratio_.sum() + 0.1)
    True

    One fit for every width:

    >>> ordered = AutoencoderTransformer(8, ordered=True, max_iter=20, random_state=0).fit(X)
    >>> ordered.truncate(3).transform(X).shape
    (1797, 3)
    """

    _parameter_constraints: dict[str, list[object]] = {
        **LATENT,
        **TRAINING,
        **DENSE,
        **RECONSTRUCTION,
        **ORDERED,
        "tied_weights": ["boolean"],
    }

    def __init__(
        self,
        n_components: int | float = 2,
        *,
        ordered: bool = False,
        hidden_layer_sizes: Literal["auto"] | int | Sequence[int] = "auto",
        activation: str = "silu",
        init: Literal["pca", "random"] = "pca",
        tied_weights: bool = False,
        loss: str = "squared_error",
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        contractive: float = 0.0,
        corruption: Literal["gaussian", "masking", "salt_and_pepper"] | None = None,
        corruption_level: float = 0.3,
        solver: Literal["auto", "adam", "lbfgs"] = "auto",
        weight_decay: float = 1.0,
        learning_rate: Literal["averaged", "cosine", "constant"] = "averaged",
        learning_rate_init: float = 5e-3,
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
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 10,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.ordered = ordered
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.tied_weights = tied_weights
        self.loss = loss
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.contractive = contractive
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.solver = solver
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

    def _describe(self, rows: Rows, source: Self | None) -> Description:
        return super()._describe(rows, source)._replace(link=LOSSES[self.loss]())

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        if self.ordered and self.tied_weights:
            raise ValueError(
                "ordered=True needs a decoder with weights of its own. Set tied_weights=False."
            )
        widths = hidden_sizes(self.hidden_layer_sizes, problem.target.shape[1])
        architecture = DenseArchitecture(
            sizes=(problem.target.shape[1], *widths, choose_n_components(self, problem)),
            activation=self.activation,
            tied_weights=self.tied_weights,
            linear_start=self.init == "pca",
            ordered=self.ordered,
        )
        is_quasi_newton = problem.stream is None and self._prefers_quasi_newton()
        recipe = reconstruction_recipe(
            self,
            problem,
            architecture,
            random_state,
            solver="lbfgs" if is_quasi_newton else "adam",
            is_tied=self.tied_weights,
        )
        # a linear network would only be biased by it
        decay = 0.0 if is_linear(self.hidden_layer_sizes) else self.weight_decay
        recipe = replace(recipe, weight_decay=decay)
        return ordered(recipe, problem, random_state) if self.ordered else recipe

    def _prefers_quasi_newton(self) -> bool:
        """Whether to train with L-BFGS: for few parameters and a loss without noise."""
        # drawn lengths are noise in the loss, as a corruption is
        is_noisy = self.ordered or self.corruption is not None
        is_better = is_linear(self.hidden_layer_sizes) and not is_noisy
        return self.solver == "lbfgs" or (self.solver == "auto" and is_better)

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        super()._keep(problem, fitted, random_state)
        found = self._keep_order(problem)
        n_features = problem.target.shape[1]
        is_plain = self.corruption is None and self.alpha == 0 and self.contractive == 0
        if is_plain and not self.ordered and self.n_components_ > n_features:
            found.append(
                ConvergenceWarning(
                    f"n_components={self.n_components_} is more than n_features={n_features}: rows "
                    "can be copied, and nothing has to be learned. Lower n_components, set "
                    "corruption, alpha or contractive, or take SparseAutoencoder."
                )
            )
        return found
