"""Estimators that deform an atlas to images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch, Tags
from sklearn.utils.validation import check_is_fitted

from skae._arrays import to_numpy
from skae._scikit_learn import Interval, StrOptions
from skae.estimators._base import BaseAutoencoder
from skae.estimators._image_rows import ImageRowsMixin
from skae.fitting._application import as_array, in_batches
from skae.fitting._dispatch import dispatched
from skae.fitting._fitted import Fitted
from skae.fitting._parameters import LATENT, TRAINING
from skae.objectives import LOSSES
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._block_results import field_shape
from skae.registration._deformation_terms import LocalCorrelation
from skae.registration._displacements import (
    choose_atlases,
    compute_displacement,
    compute_distance,
    point_across,
    point_to_atlas,
    point_to_image,
    read_voters,
)
from skae.registration._fields import jacobian_determinant, warp
from skae.registration._warping import warp_images
from skae.rows._kinds import Description, ShapeRows
from skae.rows._per_block import by_blocks
from skae.rows._problem import Problem
from skae.rows._rows import Rows

DEFORMATION: dict[str, list[object]] = {
    **TRAINING,
    **LATENT,
    "integrator": [StrOptions({"svf", "epdiff"})],
    "affine": ["boolean"],
    "control_spacing": [Interval(Integral, 1, None, closed="left")],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "gamma": [Interval(Real, 0, None, closed="neither")],
    "power": [Interval(Real, 0, None, closed="neither")],
    "regularization": [Interval(Real, 0, None, closed="left")],
    "similarity": [StrOptions({"squared_error", "ncc"})],
    "center_atlas": ["boolean"],
    "image_shape": ["array-like", None],
    "channels": [StrOptions({"first", "last"})],
    "hidden_channels": ["array-like"],
}
"""Constraints on the parameters of deformations and of the training."""


class BaseDeformation(ImageRowsMixin, BaseAutoencoder):
    """Abstract base of the autoencoders whose images are deformations of an atlas.

    A subclass has the parameters in `DEFORMATION`. Its network has an `encoder` and, as `decoder`,
    a `DeformedAtlas`, which may have several atlases.
    """

    n_components: int
    integrator: str
    affine: bool
    control_spacing: int
    alpha: float
    gamma: float
    power: float
    regularization: float
    similarity: str
    center_atlas: bool
    hidden_channels: Sequence[int]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = self.image_shape is not None
        return tags

    @by_blocks(field_shape)
    @dispatched
    def displacement(self, X: ArrayLike) -> NDArray:
        """Return the displacements that deform the atlas to images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        displacement : ndarray of shape (n_samples, n_dims, height, width)
            Displacements in pixels, in the order of the axes, whatever `channels` is. The
            reconstruction ``warp_images(atlas_[None], displacement)`` has at pixel x the value of
            the atlas at ``x + displacement(x)``. If every class has an atlas, that of the predicted
            class is deformed. If X is given in blocks, returns an iterator with one array per
            block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        return compute_displacement(self, self._validate_known(X), point_to_atlas)

    @by_blocks(field_shape)
    @dispatched
    def inverse_displacement(self, X: ArrayLike) -> NDArray:
        """Return the displacements that deform images to the atlas.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        inverse_displacement : ndarray of shape (n_samples, n_dims, height, width)
            Displacements in pixels, as for :meth:`displacement`. The images in the atlas's pose and
            shape are ``warp_images(X, inverse_displacement)``. If X is given in blocks, returns an
            iterator with one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        return compute_displacement(self, self._validate_known(X), point_to_image)

    @dispatched
    def warp(self, X: ArrayLike, images: ArrayLike | None = None, *, order: int = 1) -> NDArray:
        """Return images in the atlas's pose and shape.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images whose deformations are found.
        images : array-like of shape (n_samples, height, width) or \
                (n_samples, n_channels, height, width), default=None
            Images that are warped: masks, labels that are numbers, or other pictures of the objects
            in X, with channels first, whatever `channels` is. A single image is warped by all
            deformations. None warps X itself.
        order : {0, 1}, default=1
            Order of the interpolation: 1 is linear, 0 takes the nearest pixel, as labels need it.

        Returns
        -------
        warped : ndarray of shape (n_samples, ...)
            :func:`~skae.registration.warp_images` of `images` and :meth:`inverse_displacement`. X
            itself has the shape that images had in :meth:`fit`.

        Raises
        ------
        ValueError
            If the shape of `images` does not match X, or if `order` is neither 0 nor 1.
        """
        check_is_fitted(self)
        rows = self._validate_known(X)
        field = compute_displacement(self, rows, point_to_image)
        if images is not None:
            return warp_images(images, field, order=order)
        # (n, n_features) -> (n, n_channels, *sizes)
        maps = self._layout.unflatten(torch.from_numpy(np.array(rows))).numpy()
        warped = torch.from_numpy(warp_images(maps, field, order=order))
        return self._in_given_shape(self._layout.flatten(warped).numpy())

    @dispatched
    def register(self, moving: ArrayLike, fixed: ArrayLike) -> Bunch:
        """Register pairs of images through the atlas.

        Parameters
        ----------
        moving : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images that are deformed, or a single image for all of `fixed`.
        fixed : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images to which they are deformed.

        Returns
        -------
        registration : :class:`~sklearn.utils.Bunch`
            Has these attributes:

            warped : ndarray of shape (n_samples, ...)
                The moving images, deformed, in the shape that images had in :meth:`fit`.
            displacement : ndarray of shape (n_samples, n_dims, height, width)
                Displacements in pixels: `warped` has at pixel x the value of `moving` at
                ``x + displacement(x)``. :func:`~skae.registration.warp_images` applies them to
                masks and labels of `moving`.
            inverse_displacement : ndarray of shape (n_samples, n_dims, height, width)
                Displacements that warp `fixed` to `moving`.
            jacobian_determinant : ndarray of shape (n_samples, height, width)
                Determinant of the map ``x + displacement(x)``; positive where it does not fold.

        Raises
        ------
        ValueError
            If the numbers of images differ.
        """
        check_is_fitted(self)
        moving = self._validate(moving, reset=False)
        fixed = self._validate(fixed, reset=False)
        if len(moving) not in (1, len(fixed)):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: moving has "
                f"{len(moving)} images, fixed has {len(fixed)}. Give one moving image for every "
                "fixed image, or a single one."
            )
        # codes of both, side by side: (n, 2 * n_codes)
        target = self._encode_all(fixed)
        source = np.broadcast_to(self._encode_all(moving), target.shape)
        forth = compute_displacement(self, np.hstack([source, target]), point_across)
        back = compute_displacement(self, np.hstack([target, source]), point_across)
        field = torch.from_numpy(forth)
        rows = torch.from_numpy(np.array(moving, dtype=forth.dtype))
        warped = self._layout.flatten(warp(self._layout.unflatten(rows), field))
        return Bunch(
            warped=self._in_given_shape(warped.numpy()),
            displacement=forth,
            inverse_displacement=back,
            jacobian_determinant=jacobian_determinant(field).numpy(),
        )

    @dispatched
    def propagate_labels(
        self, X: ArrayLike, labels: ArrayLike, *, X_labelled: ArrayLike | None = None
    ) -> NDArray:
        """Label the pixels of images by the labels of the atlas, or of other images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images to be labelled.
        labels : array-like of shape (height, width) or (n_labelled, height, width)
            Labels of the pixels of the atlas or, with `X_labelled`, of these images. If every class
            has an atlas, labels of all atlases, of shape (n_classes, height, width).
        X_labelled : array-like of shape (n_labelled, n_features) or (n_labelled, ...), default=None
            Images whose labels are known. They vote in the atlas's pose and shape. If every class
            has an atlas, an image votes only for images of the same predicted class.

        Returns
        -------
        y : ndarray of shape (n_samples, height, width)
            The label with the most votes at every pixel, in the dtype of `labels`.

        Raises
        ------
        ValueError
            If the shape of `labels` does not match, or if no image of `X_labelled` has the atlas
            of an image of X.
        """
        check_is_fitted(self)
        voters = read_voters(self, labels, X_labelled)
        fields = compute_displacement(self, self._validate_known(X), point_to_atlas)
        return voters.label(fields, choose_atlases(self, X))

    @dispatched
    def geodesic_distance(self, X: ArrayLike) -> NDArray:
        """Return the geodesic distances of images from the atlas, for ``integrator="epdiff"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        distance : ndarray of shape (n_samples,)
            Length of the geodesic from the identity to the deformation of every image, without
            its pose: the root of the energy ``<v, L v>`` of its initial velocity, in pixels per
            root of the number of pixels.

        Raises
        ------
        ValueError
            If the velocities are stationary, since their flows are no geodesics.
        """
        check_is_fitted(self)
        if self._plan.integrator != "epdiff":
            raise ValueError(
                "Flows of stationary velocities are no geodesics. Fit with integrator='epdiff' to "
                f"have distances. Got integrator={self._plan.integrator!r}."
            )
        function = partial(compute_distance, model=self)
        return in_batches(self, function, self._validate_known(X), 1)[:, 0]

    def _describe(self, rows: Rows, source: Self | None) -> Description:
        is_correlation = self.similarity == "ncc"
        link = LocalCorrelation(self._layout) if is_correlation else LOSSES["squared_error"]()
        return Description(ShapeRows(layout=self._layout), link)

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        super()._keep(problem, fitted, random_state)
        # without the pose and the indicators, which codes have as well
        self.n_components_ = self._plan.n_components
        self.mean_ = problem.summaries.seen.units.location
        rows = as_array(self._layout.flatten(fitted.network.module.decoder.atlas))
        atlases = self._in_given_shape(problem.units.leave(rows, np.float64))
        self.atlas_ = atlases if self._plan.n_indicators else atlases[0]
        return []

    @property
    def _class_names(self) -> NDArray:
        """The classes as an array of numpy, also if fit was given tensors."""
        return to_numpy(self.classes_)

    @property
    def _plan(self) -> AtlasArchitecture:
        """The plan of the atlases."""
        plan: AtlasArchitecture = self._network.module.decoder.plan
        return plan
