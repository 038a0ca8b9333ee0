"""Files that are somebody's as long as he has them open."""

from __future__ import annotations

import sys
from typing import IO, Any

__all__ = ["hold"]


def hold(stream: IO[Any]) -> bool:
    """Marks the file as in use until `stream` is closed or its process ends; False where another has done so.

    Always True on Windows, which lets nobody remove a file that is open.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
