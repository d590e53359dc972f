"""Files that are replaced as a whole, and states that they hold."""

import os
import secrets
from pathlib import Path
from typing import Any

StateDict = dict[str, Any]
"""A state that a file can hold: numbers, text, tensors, and lists and dicts of them, by name."""


def replace_file(path: Path, raw: bytes) -> None:
    """Write a file under another name and rename it: readers never see a part of it."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(raw)
            file.flush()
            # on the disk before the name is: after a crash there is the old file or the new one
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
