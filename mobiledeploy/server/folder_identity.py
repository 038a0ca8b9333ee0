"""Which folder of files it is, wherever it is moved to: several hosts may share a store, and each has its own files."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mobiledeploy.errors import HostError

__all__ = ["folder_identity"]

_NAME = "identity"


def folder_identity(folder: Path) -> str:
    """32 hexadecimal digits in a file of `folder`; both are made where they are missing. Raises HostError."""
    path = folder / _NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise HostError(f"cannot use the folder of files: {reason}", where=str(path), remedy=_REMEDY) from None
    if len(found) != 32 or not set(found) <= set("0123456789abcdef"):
        raise HostError("this is not the identity of a folder of files", where=str(path), remedy=_REMEDY)
    return found


def _make(path: Path) -> None:
    """Whole or not at all; of two programs that make it at once, the first one's stays."""
    partial = path.with_name(f"{_NAME}.{secrets.token_hex(4)}")
    with partial.open("w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(16))
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


_REMEDY = "Check space and rights; remove the file to give the folder a new identity."
