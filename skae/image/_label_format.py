"""The layout of arrays of masks that have the size of images."""

from math import prod

from numpy.typing import NDArray

from skae.image._image_format import ImageFormat, check_lengths, check_sizes
from skae.networks import ImageLayout


def find_label_format(y: NDArray, X: NDArray, is_channels_last: bool) -> ImageFormat:
    """Return the layout of an array of masks that have the size of images.

    Parameters
    ----------
    y : array of shape (n, ...)
    X : array of shape (n, n_channels, height, width)
    is_channels_last : bool
        Whether an axis of one channel, if masks have it, comes last.

    Raises
    ------
    ValueError
        If there is not one label for every pixel.
    """
    sizes = X.shape[2:]
    # a mask has a single channel, however many X has
    shape = (*sizes, 1) if is_channels_last else (1, *sizes)
    if y.ndim == 1:
        raise ValueError(
            "y has one label for every image, but one for every pixel is wanted: an array of shape "
            f"{(len(X), *sizes)}. To classify whole images, give the codes of an autoencoder to a "
            "classifier: make_pipeline(ConvAutoencoder(), LogisticRegression())."
        )
    check_lengths(X, y)
    if y.ndim == 3:
        check_sizes(sizes, y.shape[1:])
    if y.shape[1:] not in (sizes, shape, (prod(sizes),)):
        raise ValueError(
            f"y has rows of shape {y.shape[1:]}, but masks have one label for every pixel of X: "
            f"rows of shape {sizes}, {shape} or, flattened, {(prod(sizes),)}."
        )
    return ImageFormat(ImageLayout(shape, is_channels_last), y.ndim)
