"""The variational autoencoder that starts at probabilistic PCA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from numbers import Integral, Real
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from torch import Generator, nn

from skae._scikit_learn import Interval, StrOptions
from skae._types import Seed
from skae.engine import CubatureNoise, NormalNoise
from skae.estimators._generative import GenerativeAutoencoder
from skae.estimators._likelihood import (
    LIKELIHOODS,
    check_refusal,
    fixed_gaussian,
    make_likelihood,
)
from skae.estimators._widths import hidden_sizes, is_linear
from skae.fitting._application import in_batches
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import DENSE, LATENT, TRAINING
from skae.fitting._recipe import Changes, Recipe, keep_random_weights
from skae.latent import DENSITIES, Density
from skae.networks import VariationalArchitecture
from skae.objectives import (
    MIN_VARIANCE,
    Categorical,
    ContinuousBernoulli,
    DynamicBernoulli,
    GaussianDiagonal,
    ImportanceWeightedBound,
    KullbackLeibler,
    Likelihood,
    Objective,
    ReconstructionLogLikelihood,
    kl_per_component,
)
from skae.rows._binarization import DynamicBinarization
from skae.rows._kinds import Description
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.rows._rows import Rows
from skae.rows._survey import as_rows
from skae.starts._variational import VariationalStart

ACTIVE = 0.01
"""A component is active if its posterior mean varies more than this (Burda et al. 2016)."""
JUDGED_CODES, MAX_JUDGED_DRAWS = 4_000, 16
"""Epochs are judged by about so many codes of held-out rows, by at most so many of each."""


AT_FLOOR = (
    "The variance of the noise is at its floor, 1e-6 times the mean squared deviation of X: "
    "features are constant or functions of others, and log-likelihoods say little. Remove such "
    "features, lower n_components, or set noise_variance."
)


@dataclass(frozen=True)
class Bound:
    """Makes the evidence lower bound, or the importance-weighted one for several codes.

    Attributes
    ----------
    likelihood : Likelihood
    n_codes : int
    beta, free_bits, kl_warmup : float
        As for `VAETransformer`.
    """

    likelihood: Likelihood
    n_codes: int
    beta: float
    free_bits: float
    kl_warmup: float

    def __call__(self, network: nn.Module, n_rows: int) -> Objective:
        """Return the terms of the negative bound."""
        if self.n_codes > 1:
            return Objective({"bound": ImportanceWeightedBound(self.likelihood, self.beta)})
        return Objective(
            {
                "reconstruction": ReconstructionLogLikelihood(self.likelihood),
                "kl": KullbackLeibler(self.beta, self.free_bits, self.kl_warmup),
            }
        )


class VAETransformer(GenerativeAutoencoder):
    """Variational autoencoder that starts at probabilistic PCA.

    A probability model of the rows of X, with a code z of `n_components` numbers that is
    standard normal a priori, a decoder that turns z into a distribution of x, and an encoder that
    turns x into a normal approximation of the posterior of z::

        p(z) = N(0, I)      p(x|z) = likelihood(x | B z + mu + r * g(z))
        q(z|x) = N(A (x - mu) + s * f(x - mu), diag(exp(v + h(x - mu))))

    What is maximised is the evidence lower bound of the log-likelihood [1]_, in nats and summed
    over the features: ``E_q log p(x|z) - beta * KL(q(z|x) || p(z))``.

    With ``init="pca"``, A, B, v and the variance of the noise are the closed form of
    probabilistic PCA [2]_, for which the bound is exact, and the networks f, g and h start at
    zero: before any training, :meth:`score` *is* the log-likelihood of probabilistic PCA. The
    epoch with the best bound of rows that were left out is kept, if it is significantly better
    than that start.

    Read more in the :doc:`user guide </user_guide/vae_transformer>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code.

    hidden_layer_sizes : "auto", int or array-like of int, default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` is a linear
        model. "auto" is two layers, about twice as wide as the data but between 128 and 512.

    activation : {"silu", "relu", "gelu", "elu", "tanh", "leaky_relu", "identity"}, \
            default="silu"
        Activation function of the hidden layers.

    init : {"pca", "random"}, default="pca"
        "pca" starts at the nearest linear model and learns what is to be added to it: with
        normal noise of one variance, probabilistic PCA in closed form; with one for each
        feature, factor analysis; with other likelihoods or with classes, the linear model of
        the largest bound, found by L-BFGS. With fewer than ten rows for each feature, or more
        than some 300 features, that is replaced by probabilistic PCA and regressions of X on
        its codes. "random" has no linear part.

    likelihood : {"gaussian", "gaussian_diagonal", "student_t", "bernoulli", \
            "continuous_bernoulli", "poisson", "negative_binomial", "categorical"}, \
            default="gaussian"
        Distribution of a row, given its code:

        - "gaussian": normal noise of one learned variance, "gaussian_diagonal": of one for
          each feature. Neither falls below 1e-6 times the mean squared deviation of X.
        - "student_t": noise with heavy tails; scale and degrees of freedom are learned.
        - "bernoulli": 0 or 1. "continuous_bernoulli" [3]_: values in [0, 1].
        - "poisson", "negative_binomial": counts; the encoder sees ``log(1 + X)``.
        - "categorical": categories, coded 0, 1, 2, ... in every column.

    noise_variance : float or None, default=None
        With ``likelihood="gaussian"``, a variance of the noise that is not learned, in squared
        units of X.

    beta : float, default=1.0
        Weight of the divergence from the prior [4]_. 1 is the bound.

    kl_warmup : float, default=0.0
        Share of training in which the weight of the divergence rises from 0. It helps with
        ``init="random"``.

    free_bits : float, default=0.0
        Nats per component that the divergence may have without being penalised [5]_.

    n_importance_samples : int, default=1
        Codes per row in training. More than one: the importance-weighted bound [6]_, with the
        doubly reparameterised gradient [7]_.

    dynamic_binarization : bool, default=False
        With ``likelihood="bernoulli"``: X holds probabilities, from which binary rows are drawn
        anew for every batch.

    conditional : bool, default=False
        Whether the decoder is told the class of a row, the target `y` of :meth:`fit`. The
        encoder is not, so that :meth:`transform` needs no `y`.

    solver : {"auto", "adam", "lbfgs"}, default="auto"
        "adam" takes a step for every batch of rows, with AdamW. "lbfgs" takes quasi-Newton
        steps with all rows, in float64; expectations over codes are replaced by means over
        ``2 * n_components`` points, exact for a linear decoder with normal noise. "auto" is
        "lbfgs" for such a model, else "adam".

    weight_decay : float, default=1.0
        Decoupled weight decay over the whole training: without gradients, weight matrices
        would shrink by the factor ``exp(-weight_decay)`` in `max_iter` epochs. Has no effect
        without hidden layers.

    learning_rate : {"averaged", "cosine", "constant"}, default="averaged"
        Course of the learning rate after a warm-up of 5 % of the updates: constant, or down to
        zero at `max_iter` along half a cosine. "averaged" is constant in the first half and falls
        in the second, and the weights that are measured and kept are means over the last tenth
        of `max_iter`.

    learning_rate_init : float, default=0.001
        Largest learning rate.

    batch_size : "auto" or int, default="auto"
        Rows per update. "auto" is 128, for more than some 1,400 training rows 256, and 512 for
        more than some 20,000.

    max_iter : int, default=200
        Largest number of epochs. 0 keeps the start.

    early_stopping : bool, default=True
        Whether to hold out rows, keep the epoch with their best bound and stop when none has
        been better for a while. If false, every row is trained on for exactly `max_iter`
        epochs.

    validation_fraction : float, default=0.1
        Share of the rows that early stopping holds out.

    n_iter_no_change : int, default=20
        Epochs without an improvement after which early stopping ends the training.

    tol : float, default=1e-4
        An improvement lowers the loss of the held-out rows by more than this share of it.

    warm_start : bool or fitted VAETransformer, default=False
        True goes on from the previous fit. Another fitted estimator of the same shape gives its
        weights; wrap it in :class:`~sklearn.frozen.FrozenEstimator` where the estimator is
        cloned.

    latent_density : {"prior", "gmm", "gaussian", "kde"} or object, default="prior"
        Density from which :meth:`sample` draws codes: the prior, or one that is fitted to the
        training codes. An object must have ``fit(codes)`` and ``sample(n_samples)``.

    device : str, default="auto"
        "cpu", "cuda", "cuda:1", "mps", or "auto" for the first there is of CUDA, MPS and CPU.

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of matrix products in training with "adam". "bfloat16" is faster for large
        networks on processors and GPUs that have units for it, and slower elsewhere; weights, the
        linear start, losses and results stay in float32 and float64. "auto" is "bfloat16" for
        convolutions on a GPU that has it, else "float32".

    random_state : int, RandomState instance or None, default=None
        Draws the weights, the held-out rows, the order of the rows and the codes. Pass an int
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
    noise_variance_ : float, ndarray of shape (n_features,) or None
        Variance of normal or Student noise, in squared units of X; None for other likelihoods.

    kl_per_component_ : ndarray of shape (n_components,)
        Mean divergence of every component's posterior from the prior over the training rows, in
        nats. 0 is a component that is not used.

    active_units_ : int
        Number of components whose posterior mean has a variance above 0.01 [6]_.

    classes_ : ndarray of shape (n_classes,) or None
        The classes of a conditional model.

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean negative bound per training row, in nats and in the units in which the network
        works; entry 0 is the start's.

    validation_curve_ : list of float of length `n_iter_` + 1, or None
        The same for the held-out rows; None without early stopping.

    n_components_ : int
        Number of components.

    mean_ : ndarray of shape (n_inputs,)
        Means of what the encoder sees, mostly of X.

    latent_density_ : object
        Has ``sample(n_samples, random_state)``.

    encoder_ : torch.nn.Module
        A copy of the encoder in float32, from what the encoder sees to posterior means and
        logarithms of variances, side by side.

    decoder_ : torch.nn.Module
        A copy of the decoder in float32, from codes to expected rows of X. The decoder of a
        conditional model takes indicators of the class beside the code.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; only if X has names that are all strings.

    See Also
    --------
    AutoencoderTransformer : Without a probability model.
    sklearn.decomposition.PCA : Its `score` is the log-likelihood of probabilistic PCA.
    sklearn.decomposition.FactorAnalysis : Linear, with a noise variance for each feature.

    Notes
    -----
    Log-likelihoods refer to X's own units: multiplying X by c lowers them by
    ``n_features * log(c)``. `PCA.score` estimates variances with ``1 / (n - 1)``, here it is
    ``1 / n``, the maximum of the likelihood.

    References
    ----------
    .. [1] Kingma and Welling (2014). Auto-encoding variational Bayes. ICLR.
    .. [2] Tipping and Bishop (1999). Probabilistic principal component analysis. JRSS B 61.
    .. [3] Loaiza-Ganem and Cunningham (2019). The continuous Bernoulli. NeurIPS.
    .. [4] Higgins et al. (2017). beta-VAE. ICLR.
    .. [5] Kingma et al. (2016). Improved variational inference with inverse autoregressive flow.
       NeurIPS.
    .. [6] Burda, Grosse and Salakhutdinov (2016). Importance weighted autoencoders. ICLR.
    .. [7] Tucker, Lawson, Gu and Maddison (2019). Doubly reparameterized gradient estimators for
       Monte Carlo objectives. ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import VAETransformer
    >>> X = load_wine().data
    >>> model = make_pipeline(StandardScaler(), VAETransformer(2, random_state=0)).fit(X)
    >>> model.transform(X).shape
    (178, 2)
    >>> model[-1].sample(3, random_state=0).shape
    (3, 13)
    """

    _parameter_constraints: dict[str, list[object]] = {
        **LATENT,
        **TRAINING,
        **DENSE,
        "latent_density": [StrOptions({"prior", *DENSITIES}), *LATENT["latent_density"][1:]],
        "likelihood": [StrOptions(set(LIKELIHOODS))],
        "noise_variance": [Interval(Real, 0, None, closed="neither"), None],
        "beta": [Interval(Real, 0, None, closed="left")],
        "kl_warmup": [Interval(Real, 0, 1, closed="both")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
        "n_importance_samples": [Interval(Integral, 1, None, closed="left")],
        "dynamic_binarization": ["boolean"],
        "conditional": ["boolean"],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden_layer_sizes: Literal["auto"] | int | Sequence[int] = "auto",
        activation: str = "silu",
        init: Literal["pca", "random"] = "pca",
        likelihood: str = "gaussian",
        noise_variance: float | None = None,
        beta: float = 1.0,
        kl_warmup: float = 0.0,
        free_bits: float = 0.0,
        n_importance_samples: int = 1,
        dynamic_binarization: bool = False,
        conditional: bool = False,
        solver: Literal["auto", "adam", "lbfgs"] = "auto",
        weight_decay: float = 1.0,
        learning_rate: Literal["averaged", "cosine", "constant"] = "averaged",
        learning_rate_init: float = 1e-3,
        batch_size: Literal["auto"] | int = "auto",
        max_iter: int = 200,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        warm_start: object = False,
        latent_density: str | Density = "prior",
        device: str = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        random_state: Seed = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 10,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.likelihood = likelihood
        self.noise_variance = noise_variance
        self.beta = beta
        self.kl_warmup = kl_warmup
        self.free_bits = free_bits
        self.n_importance_samples = n_importance_samples
        self.dynamic_binarization = dynamic_binarization
        self.conditional = conditional
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.conditional
        return tags

    # What is learned.

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn a probability model of the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Training data, in the support of the likelihood. Blocks may be a large memory map, an
            array of zarr, an array or dataframe of dask, parquet, or any iterable of arrays; read
            more in the :doc:`user guide </user_guide/larger_than_memory>`.
        y : array-like of shape (n_samples,), default=None
            Classes of any kind, for a conditional model. Otherwise ignored.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter is not valid, if a block cannot be read, or if the training
            diverges.

        Warns
        -----
        ConvergenceWarning
            If most components are unused, or if the likelihood has no upper limit but the floor
            of the noise.
        """
        return super().fit(X, y)

    def _validate_known(self, X: object) -> NDArray:
        X = super()._validate_known(X)
        check_refusal(self._link.input_refusal(as_rows(X)), self.likelihood)
        return X

    def _needs_all_for_link(self, source: Self | None) -> bool:
        return self.likelihood == "categorical" and not _has_categories(source)

    def _describe(self, rows: Rows, source: Self | None) -> Description:
        check_compatible(self)
        link: Likelihood
        if self.dynamic_binarization:
            link = DynamicBernoulli()
        elif self.likelihood == "categorical" and _has_categories(source):
            # the categories of the fit that this one goes on from
            link = getattr(source, "_link")  # noqa: B009
        else:
            link = make_likelihood(self.likelihood, rows.target)
        return super()._describe(rows, source)._replace(link=link)

    def _with_given_noise(self, problem: Problem) -> Problem:
        """Return the problem with a fixed variance of the noise, if there is one."""
        if self.noise_variance is None:
            return problem
        return problem._replace(link=fixed_gaussian(self.noise_variance, problem.units))

    def _make_recipe(self, problem: Problem, random_state: np.random.RandomState) -> Recipe:
        problem = self._with_given_noise(problem)
        link: Any = problem.link
        n_features, n_inputs = problem.target.shape[1], problem.seen.shape[1]
        widths = hidden_sizes(self.hidden_layer_sizes, n_inputs)
        # also where blocks forbid L-BFGS, its noise-free expectations are the better ones
        is_quasi_newton = self._prefers_quasi_newton()
        architecture = VariationalArchitecture(
            sizes=(n_inputs, *widths, int(self.n_components)),
            activation=self.activation,
            linear_start=self.init == "pca",
            n_features=n_features,
            n_raw=link.n_raw(),
            n_shared=link.n_shared(n_features),
            n_classes=0 if problem.labels is None else len(problem.labels),
        )
        bound = Bound(link, self.n_importance_samples, self.beta, self.free_bits, self.kl_warmup)
        is_linear_start = self.init == "pca"
        start = VariationalStart(problem, architecture) if is_linear_start else keep_random_weights
        solver: Literal["adam", "lbfgs"] = "lbfgs" if is_quasi_newton else "adam"
        return Recipe(
            architecture=architecture,
            objective=bound,
            start=start,
            changes=self._make_changes(problem, is_quasi_newton, random_state),
            solver="adam" if problem.stream is not None else solver,
            weight_decay=0.0 if is_linear(self.hidden_layer_sizes) else self.weight_decay,
            # every row goes through the decoder with each of its codes
            n_codes=2 * self.n_components,
        )

    def _make_changes(
        self, problem: Problem, is_quasi_newton: bool, random_state: np.random.RandomState
    ) -> Changes:
        """Return the noise of batches, after binary rows are drawn if they are."""
        # one generator for noise and binary rows: its seed is the first number that is drawn
        generator = torch_generator(random_state)
        noises = self._make_noises(len(problem.valid), is_quasi_newton, generator)
        if not self.dynamic_binarization:
            return noises
        binarize = DynamicBinarization(problem.units, problem.bounds(np.float32), generator)
        return Changes(binarize, binarize).then(noises.train, noises.held_out)

    def _make_noises(self, n_held_out: int, is_quasi_newton: bool, generator: Generator) -> Changes:
        """Return the noise for batches to learn from, and for held-out ones."""
        width, n_draws = self.n_components, self.n_importance_samples
        if is_quasi_newton:
            return Changes(CubatureNoise(width), CubatureNoise(width))
        train = NormalNoise(n_draws, width, generator)
        if n_draws > 1:
            return Changes(train, train)
        # by few codes, the best of many epochs would be a lucky one
        n_judged = min(MAX_JUDGED_DRAWS, ceil(JUDGED_CODES / max(1, n_held_out)))
        return Changes(train, NormalNoise(n_judged, width, generator))

    def _prefers_quasi_newton(self) -> bool:
        """Whether to train with L-BFGS: for few parameters and a loss without noise."""
        is_normal = self.likelihood in ("gaussian", "gaussian_diagonal")
        is_plain = self.n_importance_samples == 1 and self.kl_warmup == 0
        is_better = is_linear(self.hidden_layer_sizes) and is_normal and is_plain
        return self.solver == "lbfgs" or (self.solver == "auto" and is_better)

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        problem = self._with_given_noise(problem)
        self._score_seed = int(random_state.randint(2**31 - 1))
        self.classes_ = problem.labels
        beside = problem.rows.beside
        # indicators: (n, n_classes) -> (n_classes,)
        self._class_shares = None if beside is None else beside.mean(axis=0).tolist()
        # the posterior of a row needs the units and the link
        self._link = problem.link
        super()._keep(problem, fitted, random_state)
        self._diagnose(problem)
        return [*_doubt_noise(self, problem), *_doubt_codes(self)]

    def _diagnose(self, problem: Problem) -> None:
        """Set the divergences of components, and the size of the noise."""
        moments = in_batches(self, self._model.moments, problem.target, 2 * self._n_features_out)
        mean, log_var = np.split(moments.astype(np.float64), 2, axis=1)
        kl = kl_per_component(torch.from_numpy(mean), torch.from_numpy(log_var))
        self.kl_per_component_ = kl.mean(0).numpy()
        self.active_units_ = int((mean.var(axis=0) > ACTIVE).sum())
        variance = self._link.variance(self._network.module.shared)
        self.noise_variance_ = None
        if variance is not None:
            # in squared units of X; a float where there is one for all features
            self.noise_variance_ = np.squeeze(variance.numpy() * self._units.scale**2)[()]


def check_compatible(model: VAETransformer) -> None:
    """Raise ValueError if parameters contradict each other."""
    is_weighted = model.n_importance_samples > 1
    conflicts = {
        "noise_variance needs likelihood='gaussian'": model.noise_variance is not None
        and model.likelihood != "gaussian",
        "dynamic_binarization needs likelihood='bernoulli'": model.dynamic_binarization
        and model.likelihood != "bernoulli",
        "kl_warmup and free_bits need n_importance_samples=1": is_weighted
        and (model.kl_warmup > 0 or model.free_bits > 0),
        "solver='lbfgs' needs n_importance_samples=1, kl_warmup=0 and no dynamic_binarization": (
            model.solver == "lbfgs"
            and (is_weighted or model.kl_warmup > 0 or model.dynamic_binarization)
        ),
    }
    for message, is_violated in conflicts.items():
        if is_violated:
            raise ValueError(f"{message}.")


def _doubt_noise(model: VAETransformer, problem: Problem) -> Iterator[Warning]:
    """Yield warnings where the likelihood has no upper limit but the floor of the noise."""
    variance = model._link.variance(model._network.module.shared)
    low, high = problem.summaries.seen.low, problem.summaries.seen.high
    if variance is not None and float(variance.min()) < 1.1 * MIN_VARIANCE:
        yield ConvergenceWarning(AT_FLOOR)
    if isinstance(model._link, GaussianDiagonal):
        yield from _doubt_constant(np.equal(low, high))
    if isinstance(model._link, ContinuousBernoulli):
        yield from _doubt_constant((high == 0) | (low == 1))


def _doubt_codes(model: VAETransformer) -> Iterator[Warning]:
    """Yield a warning if most components are not used."""
    if model.active_units_ < model.n_components / 2:
        yield ConvergenceWarning(
            f"Only {model.active_units_} of {model.n_components} components are used: the "
            "posterior of the others is the prior. Lower n_components or beta, raise free_bits, or "
            "fix a smaller noise_variance."
        )


def _doubt_constant(is_constant: NDArray) -> Iterator[Warning]:
    features = np.flatnonzero(is_constant)
    if features.size:
        yield ConvergenceWarning(
            f"Features {features[:5].tolist()} are constant: their density has no upper limit but "
            "the floor of the noise, and log-likelihoods say little. Remove them, for example with "
            "VarianceThreshold."
        )


def _has_categories(source: object) -> bool:
    """Whether a fit goes on from another one, which knows the categories."""
    return isinstance(getattr(source, "_link", None), Categorical)
