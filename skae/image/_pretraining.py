"""The use of a fitted autoencoder in a network of images."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae.estimators import ConvAutoencoder
from skae.image._pretrained import Conversion, WithReconstruction
from skae.networks import ConvArchitecture, ImageLayout
from skae.objectives import LOSSES
from skae.rows._units import Units

IMAGES_AT_ONCE = 64
"""Images that go through the autoencoder at a time, which bounds the memory it takes."""


def find_autoencoder(encoder: object, shape: tuple[int, ...]) -> ConvAutoencoder:
    """Return the autoencoder given as a parameter, if it was fitted to images of this shape.

    Parameters
    ----------
    encoder : ConvAutoencoder or FrozenEstimator
    shape : tuple of int
        Shape of an image: (n_channels, height, width).

    Raises
    ------
    TypeError
        If `encoder` is no ConvAutoencoder.
    ValueError
        If it is not fitted, or fitted to images of another shape.
    """
    found = find_fitted(encoder)
    known = _image_shape(find_layout(found))
    if known != shape:
        raise ValueError(
            f"The ConvAutoencoder given as encoder is fitted to images of shape {known}, channels "
            f"first, but X has images of shape {shape}. Fit it to images of the same kind, or cut "
            "the images of X to its size."
        )
    return found


def find_fitted(encoder: object) -> ConvAutoencoder:
    """Return the fitted autoencoder given as a parameter, without its FrozenEstimator."""
    found = encoder.estimator if isinstance(encoder, FrozenEstimator) else encoder
    if not isinstance(found, ConvAutoencoder):
        raise TypeError(
            "encoder must be a fitted ConvAutoencoder or None. Got an instance of "
            f"{type(found).__name__} instead."
        )
    try:
        check_is_fitted(found)
    except NotFittedError as error:
        raise ValueError(
            "The ConvAutoencoder given as encoder is not fitted. If it was before a clone, as in "
            "GridSearchCV, wrap it in sklearn.frozen.FrozenEstimator."
        ) from error
    return found


def describe(autoencoder: ConvAutoencoder) -> tuple[object, ...]:
    """Return the units and weights of a fitted autoencoder, by which checkpoints recognise it."""
    weights = [value.numpy() for value in autoencoder._network.module.state_dict().values()]
    return *autoencoder._units, *autoencoder._output_units(), weights


def check_same_autoencoder(module: nn.Module, autoencoder: ConvAutoencoder) -> None:
    """Raise ValueError if the network of a warm start has another autoencoder."""
    if not isinstance(module, WithReconstruction):
        return  # a network of another architecture is refused elsewhere
    known = autoencoder._network.module
    for part in "encoder", "decoder":
        own, other = (list(getattr(m, part).state_dict().values()) for m in (module, known))
        if len(own) != len(other) or not all(map(torch.equal, own, other)):
            raise ValueError(
                "warm_start needs a network with the same encoder. It is fitted with another one: "
                "set warm_start=False, or give that one."
            )


def find_layout(autoencoder: ConvAutoencoder) -> ImageLayout:
    """Return the layout of the images that an autoencoder was fitted to."""
    return cast(ConvArchitecture, autoencoder._network.architecture).layout


def find_loss(autoencoder: ConvAutoencoder) -> str:
    """Return the name of the loss that an autoencoder was fitted with."""
    return next(name for name, cls in LOSSES.items() if type(autoencoder._link) is cls)


def transfer_(module: WithReconstruction, autoencoder: ConvAutoencoder, units: Units) -> None:
    """Copy the weights of an autoencoder into a new network.

    Parameters
    ----------
    module : WithReconstruction
    autoencoder : ConvAutoencoder
    units : Units
        Units of the network's images, which have one mean per channel.
    """
    known = autoencoder._network.module
    module.encoder.load_state_dict(known.encoder.state_dict())
    module.decoder.load_state_dict(known.decoder.state_dict())
    layout = find_layout(autoencoder)
    # the autoencoder has one mean per pixel: (n_features,) -> (n_channels, height, width)
    own, out = (
        (_as_image(found.location, layout), found.scale)
        for found in (autoencoder._units, autoencoder._output_units())
    )
    # both directions in one step: out of one's units and into the other's
    module.set_conversion_(
        Conversion(
            gain_in=torch.tensor(units.scale / own[1]),
            shift_in=torch.from_numpy((units.location - own[0]) / own[1]),
            gain_out=torch.tensor(out[1] / units.scale),
            shift_out=torch.from_numpy((out[0] - units.location) / units.scale),
        )
    )


@torch.inference_mode()
def see_all(module: WithReconstruction, X: NDArray) -> NDArray[np.float64]:
    """Return the inputs of a network's filter, given images in the network's units."""
    parts = torch.from_numpy(X).split(IMAGES_AT_ONCE)
    return torch.cat([module.see(x) for x in parts]).numpy()


def _as_image(rows: NDArray, layout: ImageLayout) -> NDArray:
    return layout.unflatten(torch.from_numpy(rows)[None])[0].numpy()


def _image_shape(layout: ImageLayout) -> tuple[int, ...]:
    return (layout.n_channels, *layout.spatial)
