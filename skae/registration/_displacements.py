"""Displacements, distances and labels of rows, by a fitted deformation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from skae.fitting._application import as_array, as_tensor, in_batches
from skae.registration._fields import identity_grid
from skae.registration._voting import Voters, read_labels

if TYPE_CHECKING:
    from skae.registration._atlas_network import AtlasAutoencoder
    from skae.registration._atlas_segmenter_network import AtlasSegmentation
    from skae.registration._classifier_network import AtlasClassifier
    from skae.registration._deformation import BaseDeformation

    Network = AtlasAutoencoder | AtlasClassifier | AtlasSegmentation

Point = Callable[["Network", NDArray, "BaseDeformation"], Tensor]
"""From a network, rows and an estimator to the places of pixels, shape (n, n_dims, *sizes)."""


def compute_displacement(model: BaseDeformation, rows: NDArray, point: Point) -> NDArray:
    """Return the displacements of all pixels, shape (n, n_dims, *sizes)."""
    sizes = model._layout.spatial
    shape = len(sizes), *sizes
    function = partial(_displace, model=model, point=point)
    # (n, n_dims * n_pixels) -> (n, n_dims, *sizes)
    return in_batches(model, function, rows, prod(shape)).reshape(-1, *shape)


def _displace(network: Network, rows: NDArray, model: BaseDeformation, point: Point) -> NDArray:
    points = point(network, rows, model)
    grid = identity_grid(model._layout.spatial, points)
    return as_array((points - grid).flatten(1))


def point_to_atlas(network: Network, X: NDArray, model: BaseDeformation) -> Tensor:
    """Return the places in the atlas for pixels of images."""
    return network.decoder.find_points(as_tensor(model._encode(network, X), network))


def point_to_image(network: Network, X: NDArray, model: BaseDeformation) -> Tensor:
    """Return the places in images for pixels of the atlas."""
    return network.decoder.find_points_back(as_tensor(model._encode(network, X), network))


def point_across(network: Network, codes: NDArray, model: BaseDeformation) -> Tensor:
    """Return the places in moving images for pixels of fixed images, given codes of both."""
    # (n, 2 * n_codes) -> two of (n, n_codes)
    moving, fixed = as_tensor(codes, network).chunk(2, 1)
    decoder = network.decoder
    return decoder.find_points_back(moving, decoder.find_points(fixed))


def compute_distance(network: Network, X: NDArray, model: BaseDeformation) -> NDArray:
    """Return the lengths of geodesics from the identity, shape (n, 1)."""
    code = as_tensor(model._encode(network, X), network)
    energy = network.decoder.find_energy(network.decoder.find_velocity(code, 1), 1)
    # rounding errors may make the energy of a small velocity negative
    return as_array(energy.clamp(min=0).sqrt())[:, None]


def choose_atlases(model: BaseDeformation, X: ArrayLike) -> NDArray[np.intp]:
    """Return the index of the atlas that is deformed to each image, shape (n,)."""
    rows = model._validate_known(X)
    if not model._plan.n_indicators:
        return np.zeros(len(rows), dtype=np.intp)
    return model._encode_all(rows)[:, -model._plan.n_indicators :].argmax(axis=1)


def read_voters(model: BaseDeformation, labels: ArrayLike, X_labelled: ArrayLike | None) -> Voters:
    """Return the labelled images as voters, or the labelled atlases if there are no images."""
    sizes, n_atlases = model._layout.spatial, model._plan.n_atlases
    if X_labelled is not None:
        rows = model._validate_known(X_labelled)
        fields = compute_displacement(model, rows, point_to_image)
        known = read_labels(labels, (len(fields), *sizes), "the images of X_labelled")
        return Voters(known, fields, choose_atlases(model, X_labelled))
    is_one = n_atlases == 1
    shape, whose = (sizes, "the atlas") if is_one else ((n_atlases, *sizes), "all atlases")
    known = read_labels(labels, shape, whose).reshape(n_atlases, *sizes)
    # every atlas votes for itself, without a displacement
    return Voters(known, np.zeros((n_atlases, len(sizes), *sizes)), np.arange(n_atlases))
