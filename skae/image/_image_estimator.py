"""Estimators whose X and y are images of the same size."""

from abc import abstractmethod
from functools import partial
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

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
from skae.objectives import SquaredError
from skae.rows._kinds import Description, ImageRows
from skae.rows._problem import Problem
from skae.rows._rows import Rows
from skae.rows._units import Units
from skae.rows._validation import check_magnitude, detached, reading


class BaseImageEstimator(TorchEstimator):
    """Abstract base of the estimators that learn a network from images to images.

    A subclass says what y is, where the network starts and what is minimised.
    """

    _format: ImageFormat
    _target_format: ImageFormat
    _units: Units
    _target_units: Units
    image_shape: Any
    channels: Any
    patch_size: Any
    depth: Any
    filter_size: Any
    _listed_from = 4
    _pairs_with_y = True
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

    def _read(self, X: Any, y: Any, *, reset: bool) -> Rows:
        maps = self._read_images(X, reset=reset)
        if not reset:
            check_first_size(maps.shape[2:], self._format.layout.spatial)
        return Rows(*self._read_targets(maps, y, reset=reset))

    def _describe(self, rows: Rows, source: Any) -> Description:
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

    def _apply_all(self, maps: NDArray) -> NDArray:
        """Return what the network makes of maps, in the units of y."""
        n, n_in, *sizes = maps.shape
        plan: Any = self._network.architecture
        apply = partial(self._apply, shape=(n_in, *sizes))
        # the widest maps have several times the entries of an image
        n_copies = -(-plan.entries_per_pixel // n_in)
        width = plan.n_channels_out * prod(sizes)
        rows = in_batches(self, apply, maps.reshape(n, -1), width, n_copies)
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
