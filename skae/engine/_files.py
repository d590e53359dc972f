"""Files that are always whole."""

import os
import secrets
from pathlib import Path
from typing import Any

StateDict = dict[str, Any]
"""A state that a file can hold: numbers, text, tensors, and lists and dicts of them, by name."""


def replace_file(path: Path, raw: bytes) -> None:
    """Write a file beside the place of a file, and then put it there."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
