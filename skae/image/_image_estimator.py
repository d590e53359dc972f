"""Estimators whose X and y are images of the same size."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Tags, check_array
from torch import nn

from skae.estimators._torch_estimator import TorchEstimator
from skae.fitting._application import as_array, as_tensor, in_batches
from skae.fitting._fit import fit_estimator_once
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import validated_fit
from skae.image._image_format import (
    ImageFormat,
    check_first_size,
    check_known_size,
    check_size,
    find_format,
)
from skae.image._pretrained import PretrainedArchitecture
from skae.networks import UNetArchitecture
from skae.objectives import SquaredError
from skae.rows._kinds import Description, ImageRows
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._units import Units
from skae.rows._validation import check_magnitude, detached, reading


class BaseImageEstimator(TorchEstimator):
    """Abstract base of the estimators that learn a network from images to images.

    A subclass reads y, and chooses the network, its start and the loss.
    """

    _format: ImageFormat
    _target_format: ImageFormat
    _units: Units
    _target_units: Units
    image_shape: Sequence[int] | None
    channels: str
    patch_size: int | None
    depth: int
    filter_size: int
    _listed_from = 4
    _pairs_with_y = True
    _state_classes = (ImageFormat, PretrainedArchitecture)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = self.image_shape is not None
        return tags

    @abstractmethod
    def _read_targets(self, maps: NDArray, y: object, *, reset: bool) -> tuple[NDArray, NDArray]:
        """Return the network's input for images, and its targets from y, both as maps.

        Parameters
        ----------
        maps : array of shape (n, n_channels, height, width)
            The images of X.
        y : object
            The argument of `fit`, or a block of it.
        reset : bool
            Whether to remember the layout of y. Otherwise, y must have the remembered one.
        """

    @validated_fit
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Go over X and y once, and learn from each of their images.

        The first call starts where :meth:`fit` does, at the optimum of its X and y, whose units are
        those of all later calls. Later calls, also after :meth:`fit`, go on with the weights that
        there are and with the state of the optimiser; files and pickles keep the weights alone. The
        learning rate is constant after a warm-up over the first 5 % of `max_iter` calls. No images
        are held out, so the start is never restored, even if training made the network worse.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks
            Images, with the same size and channels in all calls.
        y : array-like of shape (n_samples, height, width) or (n_samples, ...), or blocks, \
default=None
            As for :meth:`fit`. All labels are in the first call.

        Returns
        -------
        self : object
            The fitted estimator. `n_iter_` is the number of calls.

        Raises
        ------
        ValueError
            If X, y or a parameter is not valid, or if the training diverges.
        """
        fit_estimator_once(self, X, y)
        return self

    def _describe_features(self) -> object:
        return f"{self._format.describe()}, and {self._target_format.describe()} as y"

    def _read(self, X: object, y: object, *, reset: bool) -> Rows:
        maps = self._read_images(X, reset=reset)
        if not reset:
            check_first_size(maps.shape[2:], self._format.layout.spatial)
        return Rows(*self._read_targets(maps, y, reset=reset))

    def _describe(self, rows: Rows, source: Self | None) -> Description:
        if self.patch_size is not None:
            check_size((self.patch_size,) * 2, self.depth, self._find_margin())
        return Description(ImageRows(patch_size=self.patch_size), SquaredError())

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        self._keep_history(fitted)
        self._units = problem.units
        self._target_units = problem.target_units
        return []

    def _read_images(self, X: Any, *, reset: bool) -> NDArray:
        """Return X as maps; if `reset` is false, images may have any size."""
        X = detached(X)
        with reading():
            row = tuple(map(int, (X if hasattr(X, "shape") else np.asarray(X)).shape[1:]))
        if len(row) < 2:
            # flattened images, perhaps in a dataframe with names
            X = self._validate(X, reset=reset)
        else:
            X = read_array(X, "X", self)
            if reset:
                # sets n_features_in_, which flattened images must have
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

    def _read_known_images(self, X: object) -> NDArray:
        """Return X as maps, whose size the fitted network can take."""
        maps = self._read_images(X, reset=False)
        self._check_known_size(maps.shape[2:])
        return maps

    def _check_known_size(self, spatial: tuple[int, ...]) -> None:
        """Raise ValueError if images of this size are too small for the fitted network."""
        plan = self._plan
        check_known_size(spatial, plan.depth, plan.filter_size)

    def _check_images(self, row: tuple[int, ...]) -> None:
        """Raise ValueError if images of this shape have other channels than those in fit."""
        self._format.check(row, "X")

    def _find_margin(self) -> int:
        """Return the number of pixels by which the filter's input is continued at each border."""
        return int(self.filter_size) // 2

    @property
    def _plan(self) -> UNetArchitecture | PretrainedArchitecture:
        """The plan of the fitted network."""
        return cast(UNetArchitecture | PretrainedArchitecture, self._network.architecture)

    def _apply_all(self, maps: NDArray) -> NDArray:
        """Return the network's outputs for maps, in the units of y."""
        n, n_in, *sizes = maps.shape
        plan = self._plan
        apply = partial(self._apply, shape=(n_in, *sizes))
        # the widest maps have this many times the entries of an image, rounded up
        n_copies = -(-plan.entries_per_pixel // n_in)
        width = plan.n_channels_out * prod(sizes)
        rows = in_batches(self, apply, maps.reshape(n, -1), width, n_copies)
        return rows.reshape(n, plan.n_channels_out, *sizes)

    def _apply(self, network: nn.Module, rows: NDArray, shape: tuple[int, ...]) -> NDArray:
        # (n, n_in * height * width) -> (n, n_in, height, width)
        maps = self._units.enter_as_given(rows.reshape(-1, *shape))
        raw = as_array(network(as_tensor(maps, network)).raw)
        # (n, n_out, height, width) -> (n, n_out * height * width)
        return self._target_units.leave(raw, rows.dtype).reshape(len(rows), -1)


def read_array(given: object, name: str, estimator: object) -> NDArray:
    """Return an array of any number of dimensions, with values that float32 can hold."""
    with reading(name):
        array: NDArray = check_array(
            detached(given),
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
