"""What estimators share whose X and y are images of the same size."""

from abc import abstractmethod
from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state
from torch import Tensor, nn

from skae.blocks import Blocks, HeldOut, OneBlock, Pairs, PairsOfOne, find_pairs
from skae.engine import Batches, FindKept, History, Loader, warn_of_fork
from skae.estimators._bridge import (
    MAX_BATCH,
    Augmentations,
    TorchEstimator,
    as_array,
    as_tensor,
    check_magnitude,
    hold_out,
    set_parameters_,
    torch_generator,
)
from skae.fitting._callbacks import CallbackSupportMixin, FitTask
from skae.fitting._checkpoints import make_checkpoint
from skae.fitting._devices import choose_device
from skae.fitting._fitted import FittedNetwork
from skae.fitting._rollback import rolled_back_on_failure
from skae.fitting._warm_start import copy_of, find_source
from skae.image._image_format import ImageFormat, check_known_size, check_size, find_format
from skae.image._pretrained import PretrainedArchitecture
from skae.image._records import RecordReader, take_apart
from skae.image._stream import ImageStream
from skae.image._survey import Channels, ImageSurveyor, Summary
from skae.networks import Architecture
from skae.objectives import Objective, Term
from skae.rows._joined_surveys import check_alone
from skae.rows._patches import cut_patches
from skae.rows._reader import Reader
from skae.rows._units import Units
from skae.rows._validation import detached, reading
from skae.starts._filter_start import ImageProblem, find_units

ENTRIES_PER_BATCH = 2**20
"""Of the widest maps in a batch: with more of them, fewer updates are made in the same time."""


class BaseImageEstimator(CallbackSupportMixin, TorchEstimator):
    """Abstract base of the estimators that learn a network from images to images.

    A subclass says what y is, where the network starts and what is minimised.
    """

    _format: ImageFormat
    _target_format: ImageFormat
    _listed_from = 4
    _state_classes = (ImageFormat, PretrainedArchitecture)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = self.image_shape is not None
        return tags

    @abstractmethod
    def _read_targets(self, maps: NDArray, y: Any, *, reset: bool) -> tuple[NDArray, NDArray]:
        """Return what the network sees of images, and the targets that y holds, both as maps.

        Parameters
        ----------
        maps : array of shape (n, n_channels, height, width)
            The images of X.
        y : object
            As given by the user.
        reset : bool
            Whether its format is remembered, or must be the one that is.
        """

    @abstractmethod
    def _make_architecture(self, problem: ImageProblem) -> Architecture:
        """Return the plan of the network."""

    @abstractmethod
    def _set_start(
        self, module: Any, problem: ImageProblem, random_state: np.random.RandomState
    ) -> nn.Module | None:
        """Set a new network to its start; return the optimum for all rows, if it is one."""

    @abstractmethod
    def _make_augmentations(
        self, problem: ImageProblem, inputs: Tensor, random_state: np.random.RandomState
    ) -> Augmentations:
        """Return what is done to each batch as it is served, if anything."""

    @abstractmethod
    def _make_loss(self, problem: ImageProblem) -> Term:
        """Return what is minimised."""

    def _look_over(self, y: Blocks, source: Any) -> None:
        """Find what must be known of all of y before the first of it is learned.

        `source` is the fitted estimator to go on from, or None.
        """

    def _make_objective(self, network: Any, link: Any, n_train: int) -> Objective:
        return Objective({"loss": link})

    def _fit(self, X: Any, y: Any) -> None:
        """Learn, with parameters that are valid."""
        check_alone(self)
        with rolled_back_on_failure(self):
            task = FitTask(self, X, y)
            source = find_source(self, self.warm_start)
            random_state = check_random_state(self.random_state)
            seed = random_state.get_state()
            pairs = find_pairs(X, y, self._listed_from)
            if pairs is None:
                problem = self._read_problem(X, y, source, random_state)
            else:
                problem = self._survey(pairs, source, random_state)
            self._learn(problem, source, task, random_state, seed)
            task.end()

    def _read_pair(self, X: Any, y: Any, *, reset: bool) -> tuple[NDArray, NDArray]:
        """Return what the network sees of X, and its targets, as maps."""
        return self._read_targets(self._read_images(X, reset=reset), y, reset=reset)

    def _read_images(self, X: Any, *, reset: bool) -> NDArray:
        """Return X as maps; where it is not reset, of any size."""
        X = detached(X)
        with reading():
            row = tuple(map(int, (X if hasattr(X, "shape") else np.asarray(X)).shape[1:]))
        if len(row) < 2:
            X = self._validate(X, reset=reset)
        else:
            X = read_array(X, "X", self)
            if reset:
                self._validate(X.reshape(len(X), -1), reset=True)
            else:
                self._check_images(row)
        if reset:
            self._format = find_format(
                X.shape[1:], self.image_shape, self.channels, "X", "image_shape"
            )
            self.image_shape_ = self._format.layout.shape
        maps = self._format.to_maps(X)
        if reset:
            check_size(maps.shape[2:], self.depth, self._find_margin())
        return maps

    def _read_known_images(self, X: Any) -> NDArray:
        """Return X as maps of a size that the fitted network can do with."""
        maps = self._read_images(X, reset=False)
        self._check_known_size(maps.shape[2:])
        return maps

    def _check_known_size(self, spatial: tuple[int, ...]) -> None:
        """Raise ValueError if the fitted network can do nothing with images of this size."""
        plan: Any = self._network.architecture
        check_known_size(spatial, plan.depth, plan.filter_size)

    def _check_images(self, row: tuple[int, ...]) -> None:
        """Raise ValueError if images of this shape are none that the network knows."""
        self._format.check(row, "X")

    def _find_margin(self) -> int:
        """Return by how many pixels images are continued, beyond what halving needs."""
        return int(self.filter_size) // 2

    def _find_compared(self) -> tuple[Any, ...]:
        """Return what a checkpoint must be of the same as, beside X, y and parameters."""
        return ()

    def _find_target_units(self, y: NDArray) -> Units:
        """Return the units in which targets are learned."""
        return find_units(y)

    def _make_summary(self, y: NDArray) -> Summary:
        """Return what takes note of targets that come block by block, given some of them."""
        return Channels(y)

    def _learn(
        self,
        problem: ImageProblem,
        source: Any,
        task: FitTask,
        random_state: np.random.RandomState,
        seed: Any,
    ) -> None:
        """Train, from the weights of `source` on if there is one."""
        architecture: Any = self._make_architecture(problem)
        known = None
        if source is not None:
            known = source._network, source._units, source._target_units
        data = (*problem.compared, *self._find_compared())
        checkpoint = make_checkpoint(self, data, architecture, known, seed)
        batches = self._make_loaders(problem, architecture, random_state)
        if source is None:
            module: Any = architecture.build(torch_generator(random_state))
            rival = self._set_start(module, problem, random_state)
        else:
            module, rival = copy_of(source._network, architecture), None
        watcher = task.watch(partial(self._find_attributes, problem, architecture, module, rival))
        loss = self._make_loss(problem)
        history = self._train(module, loss, batches, rival, checkpoint, watcher)
        if history.is_interrupted and task.is_in_search():
            # its score would be compared with those of whole fits
            raise KeyboardInterrupt
        if rival is not None and history.kept == 0:
            module = rival
        self._set_fitted(problem, FittedNetwork(architecture, module), history)
        if checkpoint is not None and not history.is_interrupted:
            checkpoint.remove()

    def _make_loaders(
        self, problem: ImageProblem, architecture: Any, random_state: np.random.RandomState
    ) -> tuple[Loader, Batches | None]:
        """Return what serves the images to learn from, and those held out if there are any."""
        stream, width = problem.stream, architecture.entries_per_pixel * problem.target[0, 0].size
        if stream is None:
            inputs, target = problem.training_tensors()
            changes = self._make_augmentations(problem, inputs, random_state)
            split = problem.train, problem.valid
            return self._make_batches((inputs,), target, split, width, changes, random_state)
        warn_of_fork()
        changes = self._make_augmentations(problem, stream.bounds, random_state)
        size, device = self._batch_size(stream.n_rows, width), choose_device(self.device)
        train = stream.in_batches(size, torch_generator(random_state), changes[0], device)
        inputs, target = problem.part(problem.valid).training_tensors()
        n_at_once = max(size, min(1024, MAX_BATCH // width))
        rows = torch.arange(len(inputs))
        return train, hold_out((inputs,), target, rows, n_at_once, changes[1], device)

    def _read_problem(
        self, X: Any, y: Any, source: Any, random_state: np.random.RandomState
    ) -> ImageProblem:
        """Return what is to be learned of arrays."""
        maps = self._read_images(X, reset=True)
        self._look_over(OneBlock(y), source)
        seen, target = self._read_targets(maps, y, reset=True)
        return self._make_problem(seen, target, source, random_state)

    def _survey(
        self, pairs: Pairs | PairsOfOne, source: Any, random_state: np.random.RandomState
    ) -> ImageProblem:
        """Go over blocks once; return what is to be learned, with a sample of the images."""
        self._look_over(pairs.y, source)
        share = self.validation_fraction if self.early_stopping else 0.0
        numbers = None if pairs.n_blocks is None else range(pairs.n_blocks)
        held_out = HeldOut(share, numbers, random_state.randint(2**31 - 1))
        reader = Reader(pairs, RecordReader(self._read_pair), held_out)
        size, seed = self._find_patch_size(), random_state.randint(2**31 - 1)
        survey = ImageSurveyor(reader, self._make_summary, size, seed).survey()
        units, target_units = survey.seen.units, survey.target.units
        if source is not None:
            units, target_units = source._units, source._target_units
        stream = ImageStream(reader, survey, units, target_units, size)
        X, y = take_apart(survey.records)
        split = survey.train, survey.valid
        return ImageProblem(X, y, units, target_units, *split, stream.summary(), stream)

    def _find_patch_size(self) -> int | None:
        """Return `patch_size`, if patches are large enough."""
        if self.patch_size is not None:
            check_size((self.patch_size,) * 2, self.depth, self._find_margin())
        return self.patch_size

    def _make_problem(
        self, X: NDArray, y: NDArray, source: Any, random_state: np.random.RandomState
    ) -> ImageProblem:
        """Return what is to be learned, in the units of `source` if there is one."""
        compared, is_target = (X, y), y is X
        units = find_units(X) if source is None else source._units
        target_units = units if is_target else self._find_target_units(y)
        if source is not None:
            target_units = source._target_units
        n_images, size = len(X), self._find_patch_size()
        if size is not None:
            X = cut_patches(X, size)
            y = X if is_target else cut_patches(y, size)
        split = self._split_patches(n_images, len(X) // n_images, random_state)
        return ImageProblem(X, y, units, target_units, *split, compared)

    def _split_patches(
        self, n_images: int, n_patches: int, random_state: np.random.RandomState
    ) -> tuple[NDArray, NDArray]:
        """Return patches to learn from, and held-out ones.

        Held out are whole images, if there are enough of them to hold out one.
        """
        if n_patches == 1 or self.validation_fraction * n_images < 1:
            return self._split(n_images * n_patches, random_state)
        patches = np.arange(n_images * n_patches).reshape(n_images, n_patches)
        train, valid = self._split(n_images, random_state)
        return _shuffled(patches[train], random_state), _shuffled(patches[valid], random_state)

    def _batch_size(self, n_samples: int, width: int) -> int:
        """Return `batch_size`; "auto" is 4 to 32, by the size of images or patches.

        At most an eighth of them: else an epoch of few images would be an update or two.
        """
        if self.batch_size != "auto":
            return super()._batch_size(n_samples, width)
        n_images = min(32, max(4, ENTRIES_PER_BATCH // width), max(1, n_samples // 8))
        return min(n_images, max(1, MAX_BATCH // width))

    def _find_attributes(
        self,
        problem: ImageProblem,
        architecture: Any,
        module: nn.Module,
        rival: nn.Module | None,
        history: History,
        find_kept: FindKept,
    ) -> dict[str, Any]:
        """Return what this estimator would have if its fit stopped now."""
        kept, state = find_kept()
        if rival is not None and kept == 0:
            module = deepcopy(rival)
        else:
            module = deepcopy(module)
            set_parameters_(module, state)
        stopped, history = copy(self), replace(deepcopy(history), kept=kept)
        stopped._set_fitted(problem, FittedNetwork(architecture, module), history)
        return stopped.__dict__.copy()

    def _set_fitted(self, problem: ImageProblem, network: FittedNetwork, history: History) -> None:
        """Set what a fitted estimator has."""
        self._units = problem.units
        self._target_units = problem.target_units
        self._network = network
        self.loss_curve_ = history.training
        self.validation_curve_ = history.validation or None
        self.n_iter_ = history.n_epochs
        self.best_iter_ = history.kept

    def _apply_all(self, maps: NDArray) -> NDArray:
        """Return what the network makes of maps, in the units of y."""
        n, n_in, *sizes = maps.shape
        plan: Any = self._network.architecture
        apply = partial(self._apply, shape=(n_in, *sizes))
        # the widest maps have several times the entries of an image
        n_copies = -(-plan.entries_per_pixel // n_in)
        width = plan.n_channels_out * prod(sizes)
        rows = self._in_batches(apply, maps.reshape(n, -1), width, n_copies)
        return rows.reshape(n, plan.n_channels_out, *sizes)

    def _apply(self, network: Any, rows: NDArray, shape: tuple[int, ...]) -> NDArray:
        maps = self._units.enter_as_given(rows.reshape(-1, *shape))
        raw = as_array(network(as_tensor(maps, network)).raw)
        return self._target_units.leave(raw, rows.dtype).reshape(len(rows), -1)


def read_array(array: Any, name: str, estimator: Any) -> NDArray:
    """Return an array of any number of dimensions, with values that float32 can hold."""
    with reading(name):
        array = check_array(
            detached(array),
            dtype=[np.float64, np.float32],
            allow_nd=True,
            ensure_2d=False,
            estimator=estimator,
            input_name=name,
        )
    if not array.size:
        raise ValueError(f"{name} has images of shape {array.shape[1:]}, without a pixel.")
    check_magnitude(array, name)
    return array


def _shuffled(rows: NDArray, random_state: np.random.RandomState) -> NDArray:
    return random_state.permutation(rows.ravel())
