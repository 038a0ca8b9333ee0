"""Which line of the user's is meant: the innermost frame that is neither torch's nor ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["user_line", "user_line_of"]

# Whole folders, not names in a path: the user's own folder may well be called torch or mobiledeploy.
_FOREIGN = tuple(f"{Path(file).resolve().parent}/" for file in (torch.__file__, str(Path(__file__).parent)))


def user_line(text: str) -> str | None:
    """`file.py:line` of the last `File "…", line N` in `text` (a stack trace) that is the user's, or None."""
    frames = [(name, int(line)) for name, line in re.findall(r'File "([^"]+)", line (\d+)', text)]
    return _innermost(frames)


def user_line_of(traceback: TracebackType | None) -> str | None:
    """The same for a traceback."""
    frames = []
    while traceback is not None:
        frames.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    return _innermost(frames)


def _innermost(frames: list[tuple[str, int]]) -> str | None:
    user = [f"{name}:{line}" for name, line in frames if not name.startswith(("<", *_FOREIGN))]
    return user[-1] if user else None
