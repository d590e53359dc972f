"""Files from which an interrupted training is continued."""

import hashlib
import io
import os
import secrets
from pathlib import Path
from typing import Any

import torch

from skae.engine._peers import ALONE, Peers

StateDict = dict[str, Any]
"""A state that a file can hold: numbers, text, tensors, and lists and dicts of them, by name."""
MAGIC = b"skae checkpoint 1\n"
"""The first bytes of a file; the SHA-256 checksum of the rest follows."""


class Checkpoint:
    """The file of a training's state, written at regular intervals.

    Parameters
    ----------
    path : path-like
        To be used by this training alone: another one would continue from the wrong state.
    every : int
        Number of epochs between two writings.
    peers : Peers, default=ALONE
        The processes that train together. The first of them writes and reads the file.
    """

    def __init__(self, path: str | os.PathLike[str], every: int, peers: Peers = ALONE) -> None:
        self.path = Path(path)
        self.every = every
        self.peers = peers

    def load(self) -> StateDict | None:
        """Return the last state that was written, or None if there is none.

        Raises
        ------
        ValueError
            If the file was changed or damaged.
        """
        with self.peers.in_step():
            state = self._read() if self.peers.rank == 0 else None
        return self.peers.broadcast(state)

    def save(self, state: StateDict) -> None:
        """Write a state."""
        with self.peers.in_step():
            if self.peers.rank == 0:
                self._write(state)

    def remove(self) -> None:
        """Remove the file, if there is one."""
        if self.peers.rank == 0:
            self.path.unlink(missing_ok=True)

    def _read(self) -> StateDict | None:
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        head, body = raw[: len(MAGIC) + 32], raw[len(MAGIC) + 32 :]
        if head != MAGIC + hashlib.sha256(body).digest():
            raise ValueError(
                f"The checkpoint {self.path} was changed or damaged. Remove it to start afresh."
            )
        # nothing in the file is executed; the device where it was written may not be here
        return torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)

    def _write(self, state: StateDict) -> None:
        file = io.BytesIO()
        torch.save(state, file)
        body = file.getvalue()
        replace_file(self.path, MAGIC + hashlib.sha256(body).digest() + body)


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
