"""What estimators share that deform an atlas to images."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from math import prod
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skae._arrays import to_numpy
from skae._scikit_learn import Interval, StrOptions
from skae.estimators._base import BaseAutoencoder
from skae.estimators._bridge import Augmentations, as_array, as_tensor
from skae.estimators._image_rows import ImageRowsMixin
from skae.fitting._dispatch import dispatched
from skae.fitting._parameters import LATENT, TRAINING
from skae.networks import Architecture, ToUnits
from skae.objectives import LOSSES, Term
from skae.registration._atlas_network import AtlasArchitecture
from skae.registration._deformation_terms import (
    DeformationEnergy,
    LocalCorrelation,
    MeanDisplacement,
)
from skae.registration._fields import identity_grid, jacobian_determinant, warp
from skae.registration._voting import Voters, read_labels
from skae.registration._warping import warp_images
from skae.rows._problem import Problem
from skae.rows._units import Units

CENTERING = 300.0
"""Weight of the squared mean displacement, as a share of the largest size."""
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
    _smallest_batch = 32

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = self.image_shape is not None
        return tags

    @dispatched
    def displacement(self, X: ArrayLike) -> NDArray:
        """Return how the atlas is deformed to images.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        displacement : ndarray of shape (n_samples, n_dims, height, width)
            In pixels, in the order of the axes and whatever `channels` is. An image at pixel x is
            the atlas at ``x + displacement(x)``: ``warp_images(atlas_[None], displacement)``
            is the reconstruction. Where every class has an atlas, it is that of the predicted one.
        """
        check_is_fitted(self)
        return self._find_displacement(self._validate(X, reset=False), self._point_to_atlas)

    @dispatched
    def inverse_displacement(self, X: ArrayLike) -> NDArray:
        """Return how images are deformed to the atlas.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Images.

        Returns
        -------
        inverse_displacement : ndarray of shape (n_samples, n_dims, height, width)
            In pixels, as for :meth:`displacement`. ``warp_images(X, inverse_displacement)`` are the
            images in the atlas's pose and shape.
        """
        check_is_fitted(self)
        return self._find_displacement(self._validate(X, reset=False), self._point_to_image)

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
        rows = self._validate(X, reset=False)
        field = self._find_displacement(rows, self._point_to_image)
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
        forth = self._find_displacement(np.hstack([source, target]), self._point_across)
        back = self._find_displacement(np.hstack([target, source]), self._point_across)
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
        voters = self._read_voters(labels, X_labelled)
        return voters.label(self.displacement(X), self._find_places(X))

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
        return self._in_batches(self._find_distance, self._validate(X, reset=False), 1)[:, 0]

    @property
    def decoder_(self) -> nn.Module:
        """A copy of the decoder as a torch module, from codes to rows of X, in float32."""
        check_is_fitted(self)
        location, scale = self._output_units()
        decoder = deepcopy(self._network.module.decoder)
        module = ToUnits(decoder, self._link.mean, torch.from_numpy(location), scale)
        return module.float().requires_grad_(True)

    # What is learned.

    def _find_units(self, X: NDArray) -> Units:
        """Return the mean of every channel, which deformations do not change, and PCA's scale."""
        shape, is_last = self._layout
        axes = tuple(range(1, len(shape))) if not is_last else tuple(range(len(shape) - 1))
        means = X.mean(axis=0, dtype=np.float64).reshape(shape).mean(axis=axes, keepdims=True)
        return Units(np.broadcast_to(means, shape).ravel(), Units.of(X).scale)

    def _make_link(self, X: NDArray, source: Any) -> Term:
        if self.similarity == "ncc":
            return LocalCorrelation(self._layout)
        return LOSSES["squared_error"]()

    def _make_atlas_architecture(self, n_atlases: int = 1) -> AtlasArchitecture:
        """Return the plan of encoder and atlases, if images of this size can be deformed."""
        self._check_sizes()
        return AtlasArchitecture(
            layout=self._layout,
            hidden_channels=self._check_hidden_channels(),
            n_components=int(self.n_components),
            is_posed=bool(self.affine),
            integrator=str(self.integrator),
            spacing=int(self.control_spacing),
            alpha=float(self.alpha),
            gamma=float(self.gamma),
            power=float(self.power),
            n_atlases=n_atlases,
        )

    def _check_sizes(self) -> None:
        sizes = self._layout.spatial
        if len(sizes) not in (2, 3):
            raise ValueError(
                f"X has rows of {prod(self._layout.shape)} numbers, which do not tell what images "
                "they are. Set image_shape, such as (1, 28, 28), or give X the shape (n, height, "
                "width)."
            )
        if min(sizes) < 2:
            raise ValueError(
                f"Images of {' x '.join(map(str, sizes))} pixels cannot be deformed. At least 2 "
                "pixels are wanted along every axis."
            )

    def _set_start(
        self, module: Any, problem: Problem, random_state: np.random.RandomState
    ) -> nn.Module | None:
        """Set the atlas to the mean of the training images."""
        mean = problem.units.enter(
            problem.target[problem.train].mean(axis=0, dtype=np.float64)[None]
        )
        module.decoder.set_base_(self._layout.unflatten(torch.from_numpy(mean)))
        return None

    def _make_augmentations(
        self,
        problem: Problem,
        architecture: Architecture,
        inputs: Tensor,
        random_state: np.random.RandomState,
    ) -> Augmentations:
        return None, None

    def _make_terms(self, link: Any) -> dict[str, Term]:
        """Return what is minimised about deformations."""
        terms: dict[str, Term] = {"similarity": link}
        if self.regularization > 0:
            terms["regularization"] = DeformationEnergy(self.regularization)
        if self.center_atlas:
            weight = CENTERING / max(self._layout.spatial) ** 2
            terms["center_atlas"] = self._make_centering(weight)
        return terms

    def _make_centering(self, weight: float) -> Term:
        """Return what holds atlases in the middle of their images."""
        return MeanDisplacement(weight)

    def _set_fitted(self, problem: Problem, network: Any, *others: Any) -> None:
        super()._set_fitted(problem, network, *others)
        self.n_components_ = self._plan.n_components
        self.mean_ = problem.target.mean(axis=0, dtype=np.float64)
        rows = as_array(self._layout.flatten(network.module.decoder.atlas))
        atlases = self._as_given(problem.units.leave(rows, np.float64))
        self.atlas_ = atlases if self._plan.n_indicators else atlases[0]

    def _read_voters(self, labels: Any, X_labelled: Any) -> Voters:
        """Return images with their labels, or atlases with theirs."""
        sizes, n_atlases = self._layout.spatial, self._plan.n_atlases
        if X_labelled is not None:
            fields = self.inverse_displacement(X_labelled)
            known = read_labels(labels, (len(fields), *sizes), "the images of X_labelled")
            return Voters(known, fields, self._find_places(X_labelled))
        is_one = n_atlases == 1
        shape, whose = (sizes, "the atlas") if is_one else ((n_atlases, *sizes), "all atlases")
        known = read_labels(labels, shape, whose).reshape(n_atlases, *sizes)
        return Voters(known, np.zeros((n_atlases, len(sizes), *sizes)), np.arange(n_atlases))

    def _find_places(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return which of the atlases is deformed to images, shape (n,)."""
        rows = self._validate(X, reset=False)
        if not self._plan.n_indicators:
            return np.zeros(len(rows), dtype=np.intp)
        return self._encode_all(rows)[:, -self._plan.n_indicators :].argmax(axis=1)

    # Functions of the network and of some rows.

    @property
    def _class_names(self) -> NDArray:
        """The classes, if there are any, as numpy's, where fit was given tensors."""
        return to_numpy(self.classes_)

    @property
    def _plan(self) -> AtlasArchitecture:
        plan: AtlasArchitecture = self._network.module.decoder.plan
        return plan

    def _encode(self, network: Any, X: NDArray) -> NDArray:
        return as_array(network.encoder(as_tensor(self._units.enter_as_given(X), network)))

    def _decode(self, network: Any, codes: NDArray) -> NDArray:
        raw = network.decoder(as_tensor(codes, network))
        return self._output_units().leave(as_array(raw), codes.dtype)

    def _find_displacement(self, rows: NDArray, point: Any) -> NDArray:
        """Return where points go, less where they were; shape (n, n_dims, *sizes)."""
        sizes = self._layout.spatial
        shape = len(sizes), *sizes
        fields = self._in_batches(partial(self._displace, point=point), rows, prod(shape))
        return fields.reshape(-1, *shape)

    def _displace(self, network: Any, rows: NDArray, point: Any) -> NDArray:
        points = point(network, rows)
        grid = identity_grid(self._layout.spatial, points)
        return as_array((points - grid).flatten(1))

    def _point_to_atlas(self, network: Any, X: NDArray) -> Tensor:
        return network.decoder.find_points(as_tensor(self._encode(network, X), network))

    def _point_to_image(self, network: Any, X: NDArray) -> Tensor:
        return network.decoder.find_points_back(as_tensor(self._encode(network, X), network))

    def _point_across(self, network: Any, codes: NDArray) -> Tensor:
        """Return the places in moving images for pixels of fixed ones, given codes of both."""
        moving, fixed = as_tensor(codes, network).chunk(2, 1)
        decoder = network.decoder
        return decoder.find_points_back(moving, decoder.find_points(fixed))

    def _find_distance(self, network: Any, X: NDArray) -> NDArray:
        code = as_tensor(self._encode(network, X), network)
        energy = network.decoder.find_energy(network.decoder.find_velocity(code, 1), 1)
        return as_array(energy.clamp(min=0).sqrt())[:, None]
