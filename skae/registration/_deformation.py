"""Estimators that deform an atlas to images."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch
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

DEFORMATION: dict[str, list[Any]] = {
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

    n_components: Any
    integrator: Any
    affine: Any
    control_spacing: Any
    alpha: Any
    gamma: Any
    power: Any
    regularization: Any
    similarity: Any
    center_atlas: Any
    hidden_channels: Any
    classes_: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = self.image_shape is not None
        return tags

    @by_blocks(field_shape)
    @dispatched
    def displacement(self, X: ArrayLike) -> NDArray:
        """Return how the atlas is deformed to images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        displacement : ndarray of shape (n_samples, n_dims, height, width)
            In pixels, in the order of the axes and whatever `channels` is. An image at pixel x is
            the atlas at ``x + displacement(x)``: ``warp_images(atlas_[None], displacement)``
            is the reconstruction. Where every class has an atlas, it is that of the predicted one.
            If X is given in blocks, returns an iterator with one array per block; for a dask
            collection, a dask array.
        """
        check_is_fitted(self)
        return compute_displacement(self, self._validate_known(X), point_to_atlas)

    @by_blocks(field_shape)
    @dispatched
    def inverse_displacement(self, X: ArrayLike) -> NDArray:
        """Return how images are deformed to the atlas.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...), or blocks
            Images.

        Returns
        -------
        inverse_displacement : ndarray of shape (n_samples, n_dims, height, width)
            In pixels, as for :meth:`displacement`. ``warp_images(X, inverse_displacement)`` are the
            images in the atlas's pose and shape. If X is given in blocks, returns an iterator with
            one array per block; for a dask collection, a dask array.
        """
        check_is_fitted(self)
        return compute_displacement(self, self._validate_known(X), point_to_image)

    @dispatched
    def warp(self, X: ArrayLike, images: ArrayLike | None = None, *, order: int = 1) -> NDArray:
        """Return images in the atlas's pose and shape.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images, by which deformations are found.
        images : array-like of shape (n_samples, height, width) or \
                (n_samples, n_channels, height, width), default=None
            What is warped: masks, labels that are numbers, or other pictures of what X shows, with
            channels first whatever `channels` is. A single one is warped by all deformations. None
            warps X itself.
        order : {0, 1}, default=1
            1 interpolates linearly, 0 takes the nearest pixel, as labels need it.

        Returns
        -------
        warped : ndarray of shape (n_samples, ...)
            :func:`~skae.registration.warp_images` of `images` and :meth:`inverse_displacement`. X
            itself has the shape that images had in :meth:`fit`.

        Raises
        ------
        ValueError
            If the shape of `images` does not match X, or if `order` is another one.
        """
        check_is_fitted(self)
        rows = self._validate_known(X)
        field = compute_displacement(self, rows, point_to_image)
        if images is not None:
            return warp_images(images, field, order=order)
        maps = self._layout.unflatten(torch.from_numpy(np.array(rows))).numpy()
        warped = torch.from_numpy(warp_images(maps, field, order=order))
        return self._as_given(self._layout.flatten(warped).numpy())

    @dispatched
    def register(self, moving: ArrayLike, fixed: ArrayLike) -> Bunch:
        """Deform images to others, through the atlas.

        Parameters
        ----------
        moving : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images that are deformed, or a single one for all of `fixed`.
        fixed : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images that they shall look like.

        Returns
        -------
        registration : :class:`~sklearn.utils.Bunch`
            Has these attributes:

            warped : ndarray of shape (n_samples, ...)
                The moving images, deformed, in the shape that images had in :meth:`fit`.
            displacement : ndarray of shape (n_samples, n_dims, height, width)
                In pixels: pixel x of `warped` is `moving` at ``x + displacement(x)``. Masks and
                labels of `moving` are warped by :func:`~skae.registration.warp_images`.
            inverse_displacement : ndarray of shape (n_samples, n_dims, height, width)
                By which `fixed` is warped to `moving`.
            jacobian_determinant : ndarray of shape (n_samples, height, width)
                Of `displacement`; positive where nothing folds.

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
        target = self._encode_all(fixed)
        source = np.broadcast_to(self._encode_all(moving), target.shape)
        forth = compute_displacement(self, np.hstack([source, target]), point_across)
        back = compute_displacement(self, np.hstack([target, source]), point_across)
        field = torch.from_numpy(forth)
        rows = torch.from_numpy(np.array(moving, dtype=forth.dtype))
        warped = self._layout.flatten(warp(self._layout.unflatten(rows), field))
        return Bunch(
            warped=self._as_given(warped.numpy()),
            displacement=forth,
            inverse_displacement=back,
            jacobian_determinant=jacobian_determinant(field).numpy(),
        )

    @dispatched
    def propagate_labels(
        self, X: ArrayLike, labels: ArrayLike, *, X_labelled: ArrayLike | None = None
    ) -> NDArray:
        """Label the pixels of images by those of the atlas, or of other images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images to be labelled.
        labels : array-like of shape (height, width) or (n_labelled, height, width)
            Labels of the pixels of the atlas or, with `X_labelled`, of those of these images. Where
            every class has an atlas, those of all atlases, of shape (n_classes, height, width).
        X_labelled : array-like of shape (n_labelled, n_features) or (n_labelled, ...), default=None
            Images whose labels are known. They vote in the atlas's pose and shape; where every
            class has an atlas, for the images of the class that they are predicted to be of.

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
        return voters.label(self.displacement(X), choose_atlases(self, X))

    @dispatched
    def geodesic_distance(self, X: ArrayLike) -> NDArray:
        """Return how far images are from the atlas, for ``integrator="epdiff"``.

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
            If velocities are stationary: their flows are no geodesics.
        """
        check_is_fitted(self)
        if self._plan.integrator != "epdiff":
            raise ValueError(
                "Flows of stationary velocities are no geodesics. Fit with integrator='epdiff' to "
                f"have distances. Got integrator={self._plan.integrator!r}."
            )
        function = partial(compute_distance, model=self)
        return in_batches(self, function, self._validate_known(X), 1)[:, 0]

    def _describe(self, rows: Rows, source: Any) -> Description:
        is_correlation = self.similarity == "ncc"
        link = LocalCorrelation(self._layout) if is_correlation else LOSSES["squared_error"]()
        return Description(ShapeRows(layout=self._layout), link)

    def _keep(
        self, problem: Problem, fitted: Fitted, random_state: np.random.RandomState
    ) -> list[Warning]:
        super()._keep(problem, fitted, random_state)
        self.n_components_ = self._plan.n_components
        self.mean_ = problem.summaries.seen.units.location
        rows = as_array(self._layout.flatten(fitted.network.module.decoder.atlas))
        atlases = self._as_given(problem.units.leave(rows, np.float64))
        self.atlas_ = atlases if self._plan.n_indicators else atlases[0]
        return []

    @property
    def _class_names(self) -> NDArray:
        """The classes, if there are any, as numpy's, where fit was given tensors."""
        return to_numpy(self.classes_)

    @property
    def _plan(self) -> AtlasArchitecture:
        """The plan of the atlases."""
        plan: AtlasArchitecture = self._network.module.decoder.plan
        return plan
