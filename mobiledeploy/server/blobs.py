"""Bytes by the hash of their content: packages and inputs on their way to a phone, outputs on their way back.

FOLDER/ab/abcdef…   complete, its name is its hash
FOLDER/incoming/    on the way; what a killed program has left there goes when a host starts
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mobiledeploy.errors import HostError
from mobiledeploy.server.held_file import hold

__all__ = ["Blobs", "Incoming", "is_digest"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INCOMING = "incoming"
_CHUNK = 1 << 20


def is_digest(text: str) -> bool:
    """Whether `text` is a SHA-256 in lowercase hexadecimal: nothing else ever becomes a part of a path."""
    return _DIGEST.fullmatch(text) is not None


class Blobs:
    """All blobs below `folder`, which is made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, digest: str) -> Path | None:
        """The file with the content of that hash, None if there is none."""
        path = self._place(digest)
        return path if path.is_file() else None

    def receive(self, digest: str) -> Incoming:
        """A place for content of that hash; nothing is kept before `Incoming.keep`."""
        return Incoming(self._place(digest), self.folder / _INCOMING)

    def add(self, content: bytes) -> str:
        """Keeps `content`; its hash. Raises HostError where the disk refuses."""
        digest = hashlib.sha256(content).hexdigest()
        if self.find(digest) is None:
            with _disk(self.folder), self.receive(digest) as incoming:
                incoming.write(content)
                incoming.keep()
        return digest

    def add_file(self, path: Path) -> tuple[str, int]:
        """Keeps a copy of the file; its hash and size in bytes. Raises HostError where the disk refuses."""
        with _disk(path), path.open("rb") as source:
            digest, size = hashlib.file_digest(source, "sha256").hexdigest(), source.tell()
            if self.find(digest) is None:
                source.seek(0)
                self._copy(source, digest)
        return digest, size

    def _copy(self, source: BinaryIO, digest: str) -> None:
        with self.receive(digest) as incoming:
            while chunk := source.read(_CHUNK):
                incoming.write(chunk)
            if not incoming.keep():
                raise HostError(
                    f"{source.name} changed while it was read", where=str(source.name), remedy="Run the command again."
                )

    def clear_incoming(self) -> None:
        """Removes what a killed program left half received, and nothing that another one is receiving now."""
        incoming = self.folder / _INCOMING
        for path in incoming.iterdir() if incoming.is_dir() else ():
            with contextlib.suppress(OSError):
                with path.open("rb") as left:
                    free = hold(left)
                if free:
                    path.unlink()

    def _place(self, digest: str) -> Path:
        if not is_digest(digest):
            raise ValueError(f"{digest!r} is no SHA-256")
        return self.folder / digest[:2] / digest


class Incoming:
    """Content on its way. A context manager: what was not kept when it ends is removed."""

    def __init__(self, place: Path, folder: Path) -> None:
        self._place = place
        folder.mkdir(parents=True, exist_ok=True)
        self._partial, self._stream = _held_file(folder, place.name)
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._stream.write(chunk)

    def keep(self) -> bool:
        """Puts the content in its place, on the disk for good; False, and nothing is kept, where its hash is not its
        name."""
        if self._digest.hexdigest() != self._place.name:
            return False
        self._stream.flush()
        os.fsync(self._stream.fileno())
        folder = self._place.parent
        new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        self._partial.replace(self._place)
        for changed in (folder, folder.parent) if new else (folder,):
            _sync_folder(changed)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()
        self._partial.unlink(missing_ok=True)


def _held_file(folder: Path, name: str) -> tuple[Path, BinaryIO]:
    """A new file of that name and some more, open and held."""
    while True:
        path = folder / f"{name}.{secrets.token_hex(4)}"
        stream = path.open("wb")
        if hold(stream) and path.exists():  # a host that starts may have come between
            return path, stream
        stream.close()


def _sync_folder(folder: Path) -> None:
    """A rename is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = "Check space and rights."
        raise HostError(f"cannot keep a file: {error.strerror or error}", where=str(where), remedy=remedy) from None
