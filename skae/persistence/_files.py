"""Writing files, and reading files that were not changed since."""

import hashlib
import json
import os
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skae._registry import SAVED
from skae._version import __version__
from skae.engine import replace_file
from skae.persistence._encoding import Decoder, Encoder, Node, is_known

FORMAT = "skae 1"
"""The name of the format and its version."""
CHECKSUM = re.compile(rb'\\"sha256\\": \\"([0-9a-f]{64})\\"')
"""The entry with the checksum, in a JSON text that is itself a string in JSON."""
NO_CHECKSUM = "0" * 64
"""Placeholder for the checksum while it is computed."""


def save(estimator: object, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to a file.

    An existing file is replaced only after the new one is complete.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder of this package, or one of its estimators for images. Pipelines and
        searches cannot be saved: save the estimator in them, or use `skops.io` or `joblib`.
    path : str or path-like
        Name of the file, which usually ends in ".safetensors".

    Raises
    ------
    TypeError
        If the estimator is of another class, or if a parameter is neither a number nor text.
    NotFittedError
        If the estimator is not fitted.
    ImportError
        If safetensors is not installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.persistence import load, save
    >>> X = load_iris().data
    >>> autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(X)
    >>> with TemporaryDirectory() as folder:
    ...     save(autoencoder, Path(folder) / "iris.safetensors")
    ...     again = load(Path(folder) / "iris.safetensors")
    >>> bool((again.transform(X) == autoencoder.transform(X)).all())
    True
    """
    if not is_known(estimator):
        raise TypeError(
            f"estimator must be one of {', '.join(SAVED)}. Got an "
            f"instance of {type(estimator).__name__} instead. Use skops.io or joblib for others."
        )
    check_is_fitted(estimator)
    encoder = Encoder()
    header = {
        "format": FORMAT,
        "version": __version__,
        "sha256": NO_CHECKSUM,
        "estimator": encoder.encode(estimator),
    }
    # a single entry, since safetensors would write several in random order
    raw = _safetensors().save(encoder.arrays, {"skae": json.dumps(header, allow_nan=False)})
    digest = hashlib.sha256(raw).hexdigest()
    place = _find_checksum(raw)
    replace_file(Path(path), raw[: place.start(1)] + digest.encode() + raw[place.end(1) :])


def load(path: str | os.PathLike[str]) -> Any:
    """Load an estimator from a file that `save` has written.

    Parameters
    ----------
    path : str or path-like
        Name of the file.

    Returns
    -------
    estimator : estimator
        The fitted estimator, whose results are the same as those of the saved one, bit for bit.

    Raises
    ------
    ValueError
        If the file was not written by `save`, was changed or cut off, or has a newer format.
    ImportError
        If safetensors is not installed.
    """
    raw = Path(path).read_bytes()
    library = _safetensors()
    try:
        header = _read_header(raw)
        arrays = library.load(raw)
        return Decoder(arrays).decode(header["estimator"])
    except _RefusedError as refusal:
        raise ValueError(f"{path} cannot be loaded: {refusal}") from None
    # the file may be crafted to cause any error
    except Exception as error:
        raise ValueError(
            f"{path} cannot be loaded: its checksum is right, but it does not contain an estimator "
            f"({error})."
        ) from error


class _RefusedError(Exception):
    """The reason why a file is not loaded."""


def _read_header(raw: bytes) -> Node:
    """Return the header of a file after a check of its checksum and format."""
    # a safetensors file begins with the length of its JSON header, in 8 bytes
    n_header = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or n_header > len(raw) - 8:
        raise _RefusedError("it is not a complete safetensors file.")
    place = _find_checksum(raw)
    blank = raw[: place.start(1)] + NO_CHECKSUM.encode() + raw[place.end(1) :]
    if hashlib.sha256(blank).hexdigest().encode() != place[1]:
        raise _RefusedError("its checksum is wrong. It was changed or damaged after it was saved.")
    header = json.loads(json.loads(raw[8 : 8 + n_header])["__metadata__"]["skae"])
    if header["format"] != FORMAT:
        raise _RefusedError(
            f"its format is {header['format']!r}, and this version of skae ({__version__}) reads "
            f"{FORMAT!r}. It was saved by skae {header['version']}."
        )
    return header


def _find_checksum(raw: bytes) -> re.Match[bytes]:
    """Return the place of the checksum in the header."""
    n_header = int.from_bytes(raw[:8], "little")
    place = CHECKSUM.search(raw, 8, 8 + n_header)
    if place is None:
        raise _RefusedError("it was not written by skae.persistence.save: it has no checksum.")
    return place


def _safetensors() -> ModuleType:
    try:
        from safetensors import numpy as library
    except ImportError as error:
        raise ImportError(
            "skae.persistence needs safetensors. Install it with: pip install 'skae[persistence]'"
        ) from error
    return library
