"""Digests, by which processes and fits compare data and parameters."""

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""The address of an object in its `repr`, which differs between processes."""


class Digest(Protocol):
    """A hash that is computed piece by piece."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""


def digest_of(value: object) -> str:
    """Return a text that is equal for values with equal content, in every process.

    Arrays are compared by all of their entries, lists and tuples by their items, and sets and dicts
    by their items in any order. Other objects are compared by their class and their attributes or,
    if they have no attributes, by their `repr`.

    Parameters
    ----------
    value : object
    """
    digest = hashlib.sha256()
    _add(digest, value, ())
    return digest.hexdigest()


def _add(digest: Digest, value: object, holders: tuple[int, ...]) -> None:
    """Add a value to a digest; `holders` are the ids of the objects that contain it."""
    holders = (*holders, id(value))
    name, parts = _take_apart(value)
    digest.update(f"<{name} {len(parts)}>".encode())
    for part in parts:
        if isinstance(part, bytes | memoryview):
            digest.update(part)
        # an object that contains itself is added once
        elif id(part) not in holders:
            _add(digest, part, holders)


def _take_apart(value: object) -> tuple[str, Sequence[object]]:
    """Return the kind of a value, and its parts; parts without parts of their own are bytes."""
    # numbers of numpy are compared as Python's
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: digest_of(pair[0]))
        return "dict", [part for pair in pairs for part in pair]
    if isinstance(value, set | frozenset):
        return "set", sorted(digest_of(part).encode() for part in value)
    if isinstance(value, list | tuple):
        return "list", list(value)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    # only classes and functions have a qualified name; their `repr` tells them apart
    if hasattr(value, "__qualname__"):
        return kind, [ADDRESS.sub("", repr(value)).encode()]
    if hasattr(value, "__array__"):
        array = _as_array(value)
        is_plain = array.dtype.kind in "biufc"
        # entries that are objects have no bytes to compare
        parts = [np.ascontiguousarray(array).data] if is_plain else array.ravel().tolist()
        return f"{kind} {array.dtype.str} {array.shape}", parts
    if getattr(value, "__dict__", None):
        return kind, [vars(value)]
    return kind, [ADDRESS.sub("", repr(value)).encode()]


def _as_array(value: object) -> NDArray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        # numpy has no bfloat16
        return np.asarray(value.float() if value.dtype == torch.bfloat16 else value)
    return np.asarray(value)
