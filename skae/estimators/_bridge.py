"""The bridge between arrays and tensors: validation, training, application in batches."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from inspect import signature
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data
from torch import Generator, Tensor, nn

from skae.engine import (
    ALONE,
    SCHEDULES,
    Acceptance,
    BatchChange,
    Batches,
    Checkpoint,
    DivergenceError,
    GradientStep,
    History,
    Loader,
    Peers,
    QuasiNewtonStep,
    State,
    Step,
    Stopping,
    Watcher,
    limited_threads,
    mean_loss,
    run,
    warn_of_fork,
)
from skae.fitting._callbacks import DURING_FIT
from skae.fitting._devices import PRECISIONS, find_device, fits
from skae.estimators._documentation import DocumentedMixin
from skae.fitting._state import CLASSES, restored, simplified
from skae.fitting._progress import Progress
from skae.rows._validation import detached, reading
from skae.objectives import Objective

Augmentations = tuple[BatchChange | None, BatchChange | None]
"""What changes batches to learn from, every time anew, and held-out ones, once; or None."""
MAX_BATCH = 2**24
"""Entries of the widest layer in a batch of training, unless its size is given."""
NOT_KEPT = (*DURING_FIT, "_optimizer_state")
"""Attributes that files and copies do without."""
ENTRIES_PER_PART = 2**20
"""L-BFGS adds up its gradients over parts of about so many entries."""


class TorchEstimator(DocumentedMixin, BaseEstimator, ABC):
    """Abstract base of the estimators that train a torch network."""

    _smallest_batch = 128
    """Rows in a batch where there are few: more are not more efficient."""
    _listed_from: int | None = 2
    """Lists of arrays of so many dimensions or more are blocks, others are rows; None: all are."""
    _state_classes: tuple[type, ...] = ()
    """What its fitted attributes are made of, beside the classes of this layer."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the state in plain values, so that files name no class but the estimator's."""
        state = super().__getstate__()
        kept = {name: value for name, value in state.items() if name not in NOT_KEPT}
        return simplified(kept, self._known_classes())

    def __setstate__(self, state: dict[str, Any]) -> None:
        # parameters that came after the state was saved have their defaults
        parameters = signature(type(self)).parameters.values()
        defaults = {parameter.name: parameter.default for parameter in parameters}
        super().__setstate__(defaults | restored(state, self._known_classes()))

    def _known_classes(self) -> dict[str, Any]:
        """Return what the state may hold as plain values, by name."""
        return CLASSES | {cls.__name__: cls for cls in self._state_classes}

    @abstractmethod
    def _make_objective(self, network: Any, link: Any, n_train: int) -> Objective:
        """Return what is minimised.

        Parameters
        ----------
        network : nn.Module
            Which is trained.
        link : object
            What it puts out.
        n_train : int
            Rows in an epoch.
        """

    def _is_quasi_newton(self) -> bool:
        """Whether to train with L-BFGS: for few parameters and a loss without noise."""
        return False

    def _find_weight_decay(self) -> float:
        """Return the weight decay over the whole training."""
        return 0.0

    def _validate(self, X: Any, *, reset: bool, min_samples: int = 1) -> NDArray:
        """Return X as float64 or float32, with values that float32 can hold."""
        with reading():
            X = validate_data(
                self,
                detached(X),
                reset=reset,
                dtype=[np.float64, np.float32],
                ensure_min_samples=min_samples,
            )
        check_magnitude(X)
        return X

    def _split(
        self, n_samples: int, random_state: np.random.RandomState
    ) -> tuple[NDArray, NDArray]:
        """Return the rows to learn from and, with early stopping, those held out."""
        n_valid = ceil(self.validation_fraction * n_samples) if self.early_stopping else 0
        if n_valid == n_samples == 1:
            raise ValueError(
                "With n_samples=1, there is nothing to hold out for early stopping. Set "
                "early_stopping=False."
            )
        if n_valid == n_samples:
            raise ValueError(
                f"With validation_fraction={self.validation_fraction} and n_samples={n_samples}, "
                "no row is left to train on. Lower validation_fraction, or set "
                "early_stopping=False."
            )
        order = random_state.permutation(n_samples)
        return order[n_valid:], order[:n_valid]

    def _train(
        self,
        module: nn.Module,
        link: Any,
        batches: tuple[Loader, Batches | None],
        rival: nn.Module | None,
        checkpoint: Checkpoint | None,
        watcher: Watcher,
    ) -> History:
        """Train a copy of the module in float32; put the result in the module.

        Parameters
        ----------
        module : nn.Module
            In float64, on the CPU.
        link : object
            What its outputs mean.
        batches : tuple of Loader
            To learn from, and held out.
        rival : nn.Module or None
            The optimum for all rows, held-out ones included, which is kept unless an epoch is
            significantly better than the module at its start, and better than the rival.
        checkpoint : Checkpoint or None
            Where the state of the training is kept.
        watcher : Watcher
        """
        train, valid = batches
        step = self._make_step(module, link, train)
        stopping = Stopping(self.n_iter_no_change if self.early_stopping else None, self.tol)
        watchers = [watcher, *(self._make_progress() if train.peers.rank == 0 else [])]
        with self._training(module, train):
            acceptance = self._make_acceptance(module, link, batches, rival)
            history = run(
                step, train, valid, self.max_iter, stopping, watchers, acceptance, checkpoint
            )
        if history.is_interrupted:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        set_parameters_(module, step.state())
        return history

    @contextmanager
    def _training(self, module: nn.Module, train: Loader) -> Iterator[None]:
        """Have a module trained as in any other process, and told of it if that diverges."""
        # a fit inside a user's autocast is a fit like any other
        context = torch.autocast(train.device.type, enabled=False)
        try:
            with context, limited_threads(module, train.batch_size):
                yield
        except DivergenceError as divergence:
            raise ValueError(
                f"{type(self).__name__} diverged: {divergence}. Lower learning_rate_init (it was "
                f"{self.learning_rate_init}), or look for extreme values in X{self._noise_hint()}."
            ) from divergence

    def _noise_hint(self) -> str:
        """Return what else may have made a training diverge, for an error message."""
        if getattr(self, "corruption", None) is None:
            return ""
        return f" and at corruption_level (it was {self.corruption_level})"

    def _make_acceptance(
        self,
        module: nn.Module,
        link: Any,
        batches: tuple[Loader, Batches | None],
        rival: nn.Module | None,
    ) -> Acceptance:
        """Return what the held-out rows must say; the parameters are those of `_train`."""
        train, valid = batches
        if rival is None or valid is None:
            return Acceptance()
        # The rows are new to the start, known to the rival. On new rows the rival would do
        # better than the former and worse than the latter: the middle is to be beaten.
        steps = [self._make_step(m, link, train) for m in (module, rival)]
        losses = [mean_loss(step, valid) for step in steps]
        return Acceptance(is_tested=True, ceiling=sum(losses) / 2)

    def _make_batches(
        self,
        inputs: tuple[Tensor, ...],
        target: Tensor,
        split: tuple[NDArray, NDArray],
        width: int,
        augmentations: Augmentations,
        random_state: np.random.RandomState,
    ) -> tuple[Batches, Batches | None]:
        """Return batches to learn from, and held-out ones if there are any, on the device.

        Parameters
        ----------
        inputs : tuple of Tensor, each of shape (n_samples, ...)
        target : Tensor of shape (n_samples, ...)
            May be one of the inputs.
        split : pair of arrays of int
            Rows to learn from, and rows held out.
        width : int
            Of the widest layer.
        augmentations : pair of callable or None
        random_state : RandomState
            For the order of the rows.
        """
        warn_of_fork()
        train_rows, valid_rows = map(torch.from_numpy, split)
        device = find_device(self.device)
        # all rows on the device at once, if they fit; a tensor that is both input and target
        # stays one
        place = device if fits({*inputs, target}, device) else torch.device("cpu")
        there = {tensor: tensor.to(place) for tensor in (*inputs, target)}
        data = tuple(there[tensor] for tensor in inputs), there[target]
        size = self._batch_size(len(train_rows), width)
        generator = torch_generator(random_state)
        train = Batches(*data, train_rows, size, generator, augmentations[0], device)
        n_at_once = max(size, min(1024, MAX_BATCH // width))
        return train, hold_out(*data, valid_rows, n_at_once, augmentations[1], device)

    def _training_dtype(self) -> type[np.floating]:
        """Return the precision of the training."""
        return np.float64 if self._is_quasi_newton() else np.float32

    def _batch_size(self, n_samples: int, width: int) -> int:
        """Return the size of batches in training; the parameters are those of `_step_size`."""
        return n_samples if self._is_quasi_newton() else self._step_size(n_samples, width)

    def _step_size(self, n_samples: int, width: int) -> int:
        """Return `batch_size`; "auto" grows fourfold with the number of rows.

        `width` is that of the widest layer, which bounds it.
        """
        if self.batch_size == "auto":
            factor = 1 + (n_samples > 1400) + 2 * (n_samples > 20_000)
            return min(n_samples, factor * self._smallest_batch, max(1, MAX_BATCH // width))
        return min(n_samples, self.batch_size)

    def _make_step(self, module: nn.Module, link: Any, train: Loader) -> Step:
        """Return the way in which a copy of the module learns."""
        if not self._is_quasi_newton() or not isinstance(train, Batches):
            return self._make_gradient_step(module, link, train, self.learning_rate)
        network, objective = self._make_learner(module, link, train)
        return QuasiNewtonStep(network, objective, self._rows_at_once(train.target.shape[1]))

    def _make_learner(self, module: nn.Module, link: Any, train: Loader) -> tuple[Any, Objective]:
        """Return a copy of the module that can learn, and what is minimised."""
        network: Any = deepcopy(module).to(train.device, train.dtype).requires_grad_(True)
        objective = self._make_objective(network, link, train.n_rows_of_all)
        objective.check_reads(network.outputs._fields)
        objective.average_by(train.peers.average)
        return network, objective

    def _make_gradient_step(
        self, module: nn.Module, link: Any, train: Loader, learning_rate: str
    ) -> GradientStep:
        """Return steps along gradients; `learning_rate` is the course of their size."""
        network, objective = self._make_learner(module, link, train)
        schedule = SCHEDULES[learning_rate](max(1, self.max_iter) * len(train))
        decay = self._find_weight_decay()
        return GradientStep(
            network,
            objective,
            self.learning_rate_init,
            schedule,
            decay,
            objective.weights,
            PRECISIONS[self.precision],
            train.peers,
        )

    def _rows_at_once(self, n_features: int) -> int:
        """Return with how many rows L-BFGS works at a time."""
        return max(1, ENTRIES_PER_PART // n_features)

    def _make_progress(self) -> list[Watcher]:
        """Return what prints what `verbose` asks for, if anything."""
        if not self.verbose:
            return []
        every = 1 if self.verbose > 1 else max(1, self.max_iter // 10)
        return [Progress(type(self).__name__, self.max_iter, every)]

    def _in_batches(
        self, function: Callable[[Any, NDArray], NDArray], X: NDArray, width: int, n_copies: int = 1
    ) -> NDArray:
        """Return a function of the fitted network and of rows of X, in X's dtype.

        Parameters
        ----------
        function : callable
            Maps the network and some rows to an array of shape (n_rows, width).
        X : array of shape (n_samples, ...)
        width : int
        n_copies : int, default=1
            How often the function takes every row through the network at once.
        """
        warn_of_fork()
        device = find_device(self.device)
        # Apple's GPUs have no float64
        is_double = X.dtype == np.float64 and device.type != "mps"
        network = self._network.on(device, torch.float64 if is_double else torch.float32)
        architecture = self._network.architecture
        n_entries = n_copies * max(X.shape[1], *architecture.sizes)
        n_rows = architecture.entries_per_batch // n_entries
        if is_double:
            n_rows = min(n_rows, MAX_BATCH // (n_entries * architecture.n_unrolled))
        result = np.empty((len(X), width), X.dtype)
        step = max(1, n_rows)
        with (
            torch.inference_mode(),
            torch.autocast(device.type, enabled=False),
            np.errstate(over="ignore", invalid="ignore"),
        ):
            for start in range(0, len(X), step):
                rows = slice(start, start + step)
                result[rows] = function(network, X[rows])
        if not np.isfinite(result).all():
            raise ValueError(
                f"{type(self).__name__} cannot represent the result for some rows of X in "
                f"{X.dtype}: their values are too far from those of the training data. Remove "
                "the outliers, or rescale X before fitting."
            )
        return result


@torch.no_grad()
def set_parameters_(module: nn.Module, state: State) -> None:
    """Set the parameters of a module."""
    for parameter, value in zip(module.parameters(), state, strict=True):
        parameter.copy_(value)


def hold_out(
    inputs: tuple[Tensor, ...],
    target: Tensor,
    rows: Tensor,
    batch_size: int,
    change: BatchChange | None,
    device: torch.device,
    peers: Peers = ALONE,
) -> Batches | None:
    """Return held-out rows, which are changed but once; the parameters are those of `Batches`."""
    if len(rows) == 0:
        return None
    # taken out once: what is random in it is the same for all epochs
    (held_out,) = Batches(inputs, target, rows, len(rows), None, change, device)
    every = torch.arange(len(rows))
    return Batches(held_out.inputs, held_out.target, every, batch_size, peers=peers)


def check_magnitude(X: NDArray, name: str = "X") -> None:
    """Raise ValueError if an array has values that float32 cannot hold."""
    if max(X.max(), -X.min()) > np.finfo(np.float32).max:
        raise ValueError(
            f"Input {name} contains a value too large for dtype('float32'), in which networks "
            f"are trained. Rescale {name}, for example with StandardScaler."
        )


def torch_generator(random_state: np.random.RandomState) -> Generator:
    """Return a torch generator seeded from scikit-learn's."""
    return Generator().manual_seed(int(random_state.randint(2**31 - 1)))


def as_tensor(X: NDArray, like: nn.Module) -> Tensor:
    """Return an array as a tensor of a network's dtype, on its device."""
    # torch knows no negative strides, and warns of arrays that it may not write to
    # (an array without entries counts as contiguous, whatever its strides)
    if not (X.flags.c_contiguous and X.flags.writeable) or min(X.strides) < 0:
        X = X.copy()
    return torch.from_numpy(X).to(next(like.parameters()))


def as_array(x: Tensor) -> NDArray:
    """Return a tensor as an array."""
    return x.numpy(force=True)
