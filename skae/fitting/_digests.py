"""Digests by which processes, and fits, compare what they were given."""

import hashlib
import re
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""Where an object lies in memory, as its description may say: in each process elsewhere."""


def digest_of(value: Any) -> str:
    """Return what is the same for the same content, wherever it lies.

    Arrays are compared by all of their entries; lists and tuples, and sets and dicts in any order,
    by what is in them; other objects by their class and their attributes; what has none by its
    description.

    Parameters
    ----------
    value : object
    """
    digest = hashlib.sha256()
    _add(digest, value, ())
    return digest.hexdigest()


def _add(digest: Any, value: Any, holders: tuple[int, ...]) -> None:
    """Add a value, which those with these ids hold."""
    holders = (*holders, id(value))
    name, parts = _take_apart(value)
    digest.update(f"<{name} {len(parts)}>".encode())
    for part in parts:
        if isinstance(part, bytes | memoryview):
            digest.update(part)
        elif id(part) not in holders:
            _add(digest, part, holders)


def _take_apart(value: Any) -> tuple[str, list[Any]]:
    """Return what kind of a thing it is, and what it is made of: bytes at the end."""
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
    # classes and functions are told by their names
    if hasattr(value, "__qualname__"):
        return kind, [ADDRESS.sub("", repr(value)).encode()]
    if hasattr(value, "__array__"):
        array = _as_array(value)
        is_plain = array.dtype.kind in "biufc"
        parts = [np.ascontiguousarray(array).data] if is_plain else array.ravel().tolist()
        return f"{kind} {array.dtype.str} {array.shape}", parts
    if getattr(value, "__dict__", None):
        return kind, [vars(value)]
    return kind, [ADDRESS.sub("", repr(value)).encode()]


def _as_array(value: Any) -> NDArray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return np.asarray(value.float() if value.dtype == torch.bfloat16 else value)
    return np.asarray(value)
