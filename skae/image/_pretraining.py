"""What a fitted autoencoder brings to a network of images."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skae.estimators import ConvAutoencoder
from skae.image._pretrained import Conversion, WithReconstruction
from skae.networks import ImageLayout
from skae.objectives import LOSSES
from skae.rows._units import Units

IMAGES_AT_ONCE = 64


def find_autoencoder(encoder: Any, shape: tuple[int, ...]) -> ConvAutoencoder:
    """Return the autoencoder given as a parameter, if it can be used for images.

    Parameters
    ----------
    encoder : ConvAutoencoder or FrozenEstimator
    shape : tuple of int
        Of an image: (n_channels, height, width).

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If it is not fitted, or to other images.
    """
    found = find_fitted(encoder)
    known = _image_shape(find_layout(found))
    if known != shape:
        raise ValueError(
            f"The ConvAutoencoder given as encoder is fitted to images of shape {known}, channels "
            f"first, but X has images of shape {shape}. Fit it to images like those of X, or cut "
            "those of X to its size."
        )
    return found


def find_fitted(encoder: Any) -> ConvAutoencoder:
    """Return the autoencoder given as a parameter, if it is one and fitted."""
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


def describe(autoencoder: ConvAutoencoder) -> tuple[Any, ...]:
    """Return the units and weights of a fitted autoencoder, which tell it from others."""
    weights = [value.numpy() for value in autoencoder._network.module.state_dict().values()]
    return *autoencoder._units, *autoencoder._output_units(), weights


def check_same_autoencoder(module: Any, autoencoder: ConvAutoencoder) -> None:
    """Raise ValueError if a network to go on from sees images with another autoencoder."""
    if not isinstance(module, WithReconstruction):
        return  # it has another shape, and is refused for that
    known = autoencoder._network.module
    for part in "encoder", "decoder":
        own, other = (list(getattr(m, part).state_dict().values()) for m in (module, known))
        if len(own) != len(other) or not all(map(torch.equal, own, other)):
            raise ValueError(
                "warm_start needs a network with the same encoder. It is fitted with another one: "
                "set warm_start=False, or give that one."
            )


def find_layout(autoencoder: ConvAutoencoder) -> ImageLayout:
    """Return how the rows of a fitted autoencoder are images."""
    architecture: Any = autoencoder._network.architecture
    return architecture.layout


def find_loss(autoencoder: ConvAutoencoder) -> str:
    """Return the name of the loss that an autoencoder was fitted with."""
    return next(name for name, cls in LOSSES.items() if type(autoencoder._link) is cls)


def transfer_(module: WithReconstruction, autoencoder: ConvAutoencoder, units: Units) -> None:
    """Set the weights of a new network to those of an autoencoder.

    Parameters
    ----------
    module : WithReconstruction
    autoencoder : ConvAutoencoder
    units : Units
        In which the network sees images, by channel.
    """
    known = autoencoder._network.module
    module.encoder.load_state_dict(known.encoder.state_dict())
    module.decoder.load_state_dict(known.decoder.state_dict())
    layout = find_layout(autoencoder)
    own, out = (
        (_as_image(found.location, layout), found.scale)
        for found in (autoencoder._units, autoencoder._output_units())
    )
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
    """Return what the filter of a network sees of images in units."""
    parts = torch.from_numpy(X).split(IMAGES_AT_ONCE)
    return torch.cat([module.see(x) for x in parts]).numpy()


def _as_image(rows: NDArray, layout: ImageLayout) -> NDArray:
    row: Tensor = torch.from_numpy(rows)[None]
    return layout.unflatten(row)[0].numpy()


def _image_shape(layout: ImageLayout) -> tuple[int, ...]:
    return (layout.n_channels, *layout.spatial)
