"""The autoencoder with many atoms, of which a row uses few."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike
from typing import Any, Literal

import numpy as np
import scipy.sparse
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import sparse_encode
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae._scikit_learn import Interval, StrOptions
from skae._types import Seed
from skae.engine import Gaussian
from skae.estimators._base import BaseAutoencoder
from skae.fitting._application import as_array, as_tensor
from skae.fitting._dispatch import dispatched
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import LATENT, TRAINING, check_parameter
from skae.fitting._recipe import UNCHANGED, Changes, Recipe, keep_random_weights
from skae.latent import DENSITIES, Density
from skae.networks import Encoder, FromUnits, SparseArchitecture, ToUnits
from skae.objectives import (
    ActivationDivergence,
    ActiveCount,
    CodeLasso,
    Objective,
    Revival,
    Term,
)
from skae.rows._per_block import by_blocks, codes_shape, rows_shape
from skae.rows._problem import Problem
from skae.rows._random import torch_generator
from skae.rows._validation import check_count
from skae.starts._atoms import AtomStart

PATIENCE = 3
"""Epochs without use after which an atom is dead."""
ENTRIES_PER_BLOCK = 10**7
"""Sparse codes are made from dense blocks of about this many entries."""


@dataclass(frozen=True)
class SparsityPenalty:
    """The penalty that makes codes sparse.

    Attributes
    ----------
    kind : {"topk", "l1", "kl", "jumprelu"}
    weight : float
    rate : float
        Share of the rows in which a component is active, for "kl".
    """

    kind: str
    weight: float
    rate: float

    def make(self, network: Any) -> Term | None:
        """Return the penalty of a network; a fixed number of nonzeros needs none."""
        if self.kind == "l1":
            return CodeLasso(self.weight)
        if self.kind == "kl":
            return ActivationDivergence(self.weight, self.rate)
        if self.kind == "jumprelu":
            return ActiveCount(self.weight, network.threshold.count)
        return None


@dataclass(frozen=True)
class SparseObjective:
    """Makes the objective of a sparse coder.

    Attributes
    ----------
    loss : SquaredError
    penalty : SparsityPenalty
    """

    loss: Any
    penalty: SparsityPenalty

    def __call__(self, network: Any, n_rows: int) -> Objective:
        """Return the loss, the penalty and the revival of dead atoms."""
        terms: dict[str, Term] = {"loss": self.loss}
        penalty = self.penalty.make(network)
        if penalty is not None:
            terms["sparsity_weight"] = penalty
        n_components, n_features = network.directions.shape
        n_used = max(1, min(n_components, n_features) // 10)
        terms["revival"] = Revival(n_components, PATIENCE * n_rows, n_used)
        return Objective(terms)


class SparseAutoencoder(BaseAutoencoder):
    """Sparse coding with a learned encoder: each row is a sum of few of many atoms.

    A row is reconstructed as ``x' = c + z @ components_``, with atoms of unit norm and a code z
    that has exact zeros and no negative entries. The encoder computes z in a few steps of
    learned thresholding [1]_, which a matrix product each costs, where dictionary learning
    solves a problem for every row.

    The atoms start at training rows, whitened, and the encoder at the atoms; the epoch with the
    smallest loss of held-out rows is kept. Atoms that are active but lose to others in every row
    of three epochs learn to explain what those leave [2]_.

    Read more in the :doc:`user guide </user_guide/sparse_autoencoder>`.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of atoms. None: twice the number of features.

    sparsity : {"topk", "l1", "kl", "jumprelu"}, default="topk"
        What makes the code sparse, beside a rectifier:

        - "topk" keeps the `n_nonzero` largest entries of each row [2]_.
        - "l1" penalises their sum [3]_, with `sparsity_weight`.
        - "kl" penalises components that are not active in about the share `target_activation`
          of the rows [4]_, with `sparsity_weight` for each.
        - "jumprelu" keeps what exceeds a learned threshold of each component, and penalises the
          number of nonzeros [5]_, with `sparsity_weight`.

    n_nonzero : int or None, default=None
        Nonzeros in a code, at most, for ``sparsity="topk"`` and ``transform_algorithm="omp"``.
        None: a tenth of the number of features, at least one.

    sparsity_weight : float, default=0.1
        Weight of the penalties, in a loss whose reconstruction error is the share of variance
        that is lost.

    target_activation : float, default=0.05
        Rate of activation for ``sparsity="kl"``.

    n_steps : int, default=1
        Steps of thresholding after the first, which each cost time and improve the codes. 0 is the
        plain encoder: linear, thresholded.

    input_noise : float, default=0.25
        Standard deviation of normal noise that is added to the encoder's input in training, drawn
        anew for every batch, as a share of the root-mean-square deviation of X. It keeps the
        encoder from learning the training rows by heart.

    transform_algorithm : {"encoder", "omp"}, default="encoder"
        What computes codes of a fitted model: the encoder, or orthogonal matching pursuit with
        the learned atoms, which is slower and more accurate; its codes may be negative. May be
        changed after fit; `n_nonzero` may not.

    sparse_output : bool, default=False
        Whether :meth:`transform` returns a scipy CSR array.

    init : {"rows", "random"}, default="rows"
        Where the atoms start: at training rows, whitened, or at random directions.

    learning_rate : {"averaged", "cosine", "constant"}, default="cosine"
        Course of the learning rate after a warm-up of 5 % of the updates: constant, or down to
        zero at `max_iter` along half a cosine. "averaged" is constant in the first half and falls
        in the second, and the weights that are measured and kept are means over the last tenth
        of `max_iter`.

    learning_rate_init : float, default=0.01
        Largest learning rate.

    batch_size : "auto" or int, default="auto"
        Rows per update. "auto" is 128, for more than some 1,400 training rows 256, and 512 for
        more than some 20,000.

    max_iter : int, default=120
        Largest number of epochs. 0 keeps the start.

    early_stopping : bool, default=True
        Whether to hold out rows, keep the epoch that reconstructs them best and stop when none
        has been better for a while. If false, every row is trained on for exactly `max_iter`
        epochs.

    validation_fraction : float, default=0.1
        Share of the rows that early stopping holds out.

    n_iter_no_change : int, default=20
        Epochs without an improvement after which early stopping ends the training.

    tol : float, default=1e-4
        An improvement lowers the loss of the held-out rows by more than this share of it.

    warm_start : bool or fitted SparseAutoencoder, default=False
        True goes on from the previous fit. Another fitted estimator of the same shape gives its
        weights; wrap it in :class:`~sklearn.frozen.FrozenEstimator` where the estimator is
        cloned.

    latent_density : {"support", "gmm", "gaussian", "kde"} or object, default="support"
        Density from which :meth:`sample` draws codes. "support" takes the active components from a
        training row drawn at random, and the value of each from other rows that use it. The others
        are fitted to the training codes; negative entries of a draw are set to zero and, with a
        fixed number of nonzeros, all but the largest. An object must have ``fit(codes)`` and
        ``sample(n_samples)``.

    device : str, default="auto"
        "cpu", "cuda", "cuda:1", "mps", or "auto" for the first there is of CUDA, MPS and CPU.

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of matrix products in training. "bfloat16" is faster for large
        networks on processors and GPUs that have units for it, and slower elsewhere; weights, the
        linear start, losses and results stay in float32 and float64. "auto" is "bfloat16" for
        convolutions on a GPU that has it, else "float32".

    random_state : int, RandomState instance or None, default=None
        Draws the atoms, the held-out rows and the order of the rows. Pass an int for the same
        result at every call.

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
    components_ : ndarray of shape (n_components, n_features)
        The atoms; rows of unit norm.

    intercept_ : ndarray of shape (n_features,)
        The learned centre: ``inverse_transform(Z) == Z @ components_ + intercept_``.

    n_nonzero_ : int
        Nonzeros in a code, at most, for "topk" and "omp".

    sparsity_ : float
        Mean number of nonzeros in the codes of the training rows.

    dead_components_ : ndarray of int
        Components that no training row uses.

    n_iter_ : int
        Number of epochs that were run.

    best_iter_ : int
        The epoch whose weights were kept; 0 is the start.

    loss_curve_ : list of float of length `n_iter_` + 1
        Mean loss per training row, penalties included; entry 0 is the start's. The squared error
        is the share of variance that is lost.

    validation_curve_ : list of float of length `n_iter_` + 1, or None
        The same for the held-out rows; None without early stopping.

    n_components_ : int
        Number of components.

    mean_ : ndarray of shape (n_features,)
        Means of the features.

    latent_density_ : object
        Has ``sample(n_samples, random_state)``.

    encoder_ : torch.nn.Module
        A copy of the encoder in float32, from rows of X to codes.

    decoder_ : torch.nn.Linear
        The decoder in float32, from codes to rows of X.

    n_features_in_ : int
        Number of features seen during :term:`fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features; only if X has names that are all strings.

    See Also
    --------
    sklearn.decomposition.MiniBatchDictionaryLearning : Solves for the code of every row.
    AutoencoderTransformer : With few numbers per row, all of them used.

    Notes
    -----
    Codes are in units of X: multiplying X by c multiplies them by c.

    References
    ----------
    .. [1] Gregor and LeCun (2010). Learning fast approximations of sparse coding. ICML.
    .. [2] Gao et al. (2024). Scaling and evaluating sparse autoencoders.
    .. [3] Olshausen and Field (1996). Emergence of simple-cell receptive field properties by
       learning a sparse code for natural images. Nature 381.
    .. [4] Ng (2011). Sparse autoencoder. CS294A lecture notes.
    .. [5] Rajamanoharan et al. (2024). Jumping ahead: improving reconstruction fidelity with
       JumpReLU sparse autoencoders.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import SparseAutoencoder
    >>> X = load_digits().data
    >>> coder = SparseAutoencoder(128, n_nonzero=6, max_iter=20, random_state=0).fit(X)
    >>> codes = coder.transform(X)
    >>> int((codes > 0).sum(axis=1).max())
    6
    """

    _parameter_constraints: dict[str, list[object]] = {
        **LATENT,
        **TRAINING,
        "n_components": [*LATENT["n_components"], None],
        "latent_density": [StrOptions({"support", *DENSITIES}), *LATENT["latent_density"][1:]],
        "sparsity": [StrOptions({"topk", "l1", "kl", "jumprelu"})],
        "n_nonzero": [Interval(Integral, 1, None, closed="left"), None],
        "sparsity_weight": [Interval(Real, 0, None, closed="left")],
        "target_activation": [Interval(Real, 0, 1, closed="neither")],
        "n_steps": [Interval(Integral, 0, None, closed="left")],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        "transform_algorithm": [StrOptions({"encoder", "omp"})],
        "sparse_output": ["boolean"],
        "init": [StrOptions({"rows", "random"})],
    }

    def __init__(
        self,
        n_components: int | None = None,
        *,
        sparsity: Literal["topk", "l1", "kl", "jumprelu"] = "topk",
        n_nonzero: int | None = None,
        sparsity_weight: float = 0.1,
        target_activation: float = 0.05,
        n_steps: int = 1,
        input_noise: float = 0.25,
        transform_algorithm: Literal["encoder", "omp"] = "encoder",
        sparse_output: bool = False,
        init: Literal["rows", "random"] = "rows",
        learning_rate: Literal["averaged", "cosine", "constant"] = "cosine",
        learning_rate_init: float = 1e-2,
        batch_size: Literal["auto"] | int = "auto",
        max_iter: int = 120,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 20,
        tol: float = 1e-4,
        warm_start: object = False,
        latent_density: str | Density = "support",
        device: str = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        random_state: Seed = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 10,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.sparsity = sparsity
        self.n_nonzero = n_nonzero
        self.sparsity_weight = sparsity_weight
        self.target_activation = target_activation
        self.n_steps = n_steps
        self.input_noise = input_noise
        self.transform_algorithm = transform_algorithm
        self.sparse_output = sparse_output
        self.init = init
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
        n_features = problem.target.shape[1]
        n_components = 2 * n_features if self.n_components is None else int(self.n_components)
        threshold = {"l1": "relu", "kl": "relu"}.get(self.sparsity, self.sparsity)
        n_nonzero = self._choose_n_nonzero(n_features, n_components)
        architecture = SparseArchitecture(
            (n_features, n_components), threshold, n_nonzero, int(self.n_steps)
        )
        changes = UNCHANGED
        if self.input_noise > 0:
            changes = Changes(Gaussian(self.input_noise, torch_generator(random_state)), None)
        penalty = SparsityPenalty(self.sparsity, self.sparsity_weight, self.target_activation)
        return Recipe(
            architecture=architecture,
            objective=SparseObjective(problem.link, penalty),
            start=AtomStart(problem) if self.init == "rows" else keep_random_weights,
            changes=changes,
        )

    def _choose_n_nonzero(self, n_features: int, n_components: int) -> int:
        if self.n_nonzero is None:
            return min(n_components, max(1, n_features // 10))
        is_used = self.sparsity == "topk" or self.transform_algorithm == "omp"
        if is_used and self.n_nonzero > n_components:
            raise ValueError(
                f"n_nonzero={self.n_nonzero} must not exceed n_components={n_components}."
            )
        return min(n_components, int(self.n_nonzero))

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        module, units = fitted.network.module, problem.units
        architecture: Any = fitted.network.architecture
        self.n_nonzero_ = architecture.n_nonzero
        self._is_limited = architecture.threshold == "topk"
        self.components_ = module.atoms().numpy()
        self.intercept_ = units.leave(module.center.numpy(), np.float64)
        super()._keep(problem, fitted, random_state)
        # counted block by block: dense codes of all rows may not fit into memory
        n_active = sum((codes != 0).sum(axis=0) for codes in self._encoded_blocks(problem.target))
        self.sparsity_ = float(n_active.sum() / len(problem.target))
        self.dead_components_ = np.flatnonzero(n_active == 0)
        n_used = self.n_components_ - len(self.dead_components_)
        if n_used >= self.n_components_ / 2:
            return []
        remedy = "Raise n_nonzero" if self._is_limited else "Lower sparsity_weight"
        return [
            ConvergenceWarning(
                f"Only {n_used} of {self.n_components_} components are used. {remedy}, or lower "
                "n_components."
            )
        ]

    # Codes and rows of a fitted model.

    @by_blocks(codes_shape)
    @dispatched
    def transform(self, X: ArrayLike) -> Any:
        """Encode X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or blocks
            Rows to encode.

        Returns
        -------
        codes : ndarray or CSR array of shape (n_samples, n_components)
            Codes, in units of X, and in its dtype if that is float32, else in float64. If X
            is given in blocks, an iterator with one array per block; for a dask collection, a dask
            array.
        """
        check_is_fitted(self)
        X = self._validate_known(X)
        if not self.sparse_output:
            return self._encode_all(X)
        return scipy.sparse.vstack(
            [scipy.sparse.csr_array(codes) for codes in self._encoded_blocks(X)], format="csr"
        )

    @by_blocks(rows_shape)
    @dispatched
    def inverse_transform(self, X: Any) -> NDArray:
        """Decode codes.

        Parameters
        ----------
        X : {array-like, sparse array} of shape (n_samples, n_components), or blocks
            Codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Reconstructions, in the units of the training data. If X is given in blocks, an
            iterator with one array per block; for a dask collection, a dask array.
        """
        return super().inverse_transform(X.toarray() if scipy.sparse.issparse(X) else X)

    @dispatched
    def describe_components(self, X: ArrayLike, n_rows: int = 5) -> dict[str, NDArray]:
        """Tell how some rows use the components, to be read as a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.
        n_rows : int, default=5
            How many rows to name for each component.

        Returns
        -------
        table : dict
            Arrays with one entry for each component, ordered by the variance it carries, ready
            for ``pandas.DataFrame`` but for the last:

            - "component": its index.
            - "frequency": share of the rows that use it.
            - "strength": mean size of its code where it is used, in units of X; 0 if it never is.
            - "energy": its share of the sum of squared codes.
            - "top_rows": indices of the rows with its largest codes, shape (n_components, n_rows);
              -1 where no more rows use it.
        """
        check_is_fitted(self)
        check_count("n_rows", n_rows)
        codes = self._encode_all(self._validate_known(X))
        used = codes != 0
        squares = np.square(codes, dtype=np.float64).sum(axis=0)
        counts = used.sum(axis=0)
        # stable sorts: equal components keep the order of their numbers
        order = np.argsort(-squares, kind="stable")
        strengths = np.abs(codes)
        top_rows = np.argsort(-strengths, axis=0, kind="stable")[:n_rows]
        # (n_rows, n_components): rows with a zero code are none of a component's top rows
        is_used = np.take_along_axis(used, top_rows, axis=0)
        table = {
            "component": np.arange(codes.shape[1]),
            "frequency": counts / len(codes),
            "strength": strengths.sum(axis=0) / np.maximum(counts, 1),
            "energy": squares / max(squares.sum(), np.finfo(float).tiny),
            "top_rows": np.where(is_used, top_rows, -1).T,
        }
        return {name: column[order] for name, column in table.items()}

    @property
    def encoder_(self) -> nn.Module:
        """A copy of the encoder as a torch module, from rows of X to codes, in float32."""
        check_is_fitted(self)
        location, scale = self._units
        encoder = FromUnits(torch.from_numpy(location), scale, Encoder(self._network.module))
        # codes have the scale of X, and no location
        none = torch.zeros(self._n_features_out)
        module = ToUnits(deepcopy(encoder), nn.Identity(), none, scale)
        return module.float().requires_grad_(True)

    @property
    def decoder_(self) -> nn.Linear:
        """The decoder as a torch module, from codes to rows of X, in float32."""
        check_is_fitted(self)
        network = self._network.module
        decoder = nn.utils.skip_init(nn.Linear, *network.directions.shape)
        with torch.no_grad():
            decoder.weight.copy_(network.atoms().T)
            decoder.bias.copy_(
                torch.from_numpy(self._units.leave(network.center.numpy(), np.float64))
            )
        return decoder

    def _transform_module(self) -> nn.Module:
        if self.transform_algorithm == "omp":
            raise ValueError(
                "transform_algorithm='omp' solves a problem for every row, which no torch module "
                "does. Set transform_algorithm='encoder'."
            )
        return self.encoder_

    def _encoded_blocks(self, X: NDArray) -> Iterator[NDArray]:
        """Yield the codes of some rows at a time."""
        for rows in gen_batches(len(X), max(1, ENTRIES_PER_BLOCK // self._n_features_out)):
            yield self._encode_all(X[rows])

    def _encode(self, network: Any, X: NDArray) -> NDArray:
        check_parameter(self, "transform_algorithm")
        x = self._units.enter_as_given(X)
        if self.transform_algorithm == "encoder":
            return as_array(network.encode(as_tensor(x, network))) * self._units.scale
        # scikit-learn solves for every row; atoms have unit norm
        codes = sparse_encode(
            x - as_array(network.center),
            as_array(network.atoms()),
            algorithm="omp",
            n_nonzero_coefs=min(self.n_nonzero_, x.shape[1]),
        )
        return codes * self._units.scale

    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        rows = network.decode(as_tensor(codes / self._units.scale, network))
        return self._units.leave(as_array(rows), codes.dtype)

    def _clip_codes(self, codes: NDArray) -> NDArray:
        """Return draws from a density as codes: not negative, and with as few nonzeros at most."""
        n_components, n_nonzero = codes.shape[1], self.n_nonzero_
        is_pursuit = self.transform_algorithm == "omp"
        codes = codes if is_pursuit else codes.clip(0)
        has_limit = is_pursuit or self._is_limited
        if has_limit and n_nonzero < n_components:
            # the places of all but the largest entries of every row
            smallest = np.argpartition(np.abs(codes), n_components - n_nonzero, axis=1)
            np.put_along_axis(codes, smallest[:, : n_components - n_nonzero], 0.0, axis=1)
        return codes
