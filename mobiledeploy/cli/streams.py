"""Our two streams, kept apart from what libraries print while they work.

torch, coremltools and friends write progress bars and warnings, some of them from C++ straight to the descriptors 1
and 2. While a command works, both the Python streams and the descriptors lead elsewhere; our own lines go to
duplicates of the original descriptors.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

__all__ = ["separated"]

STDOUT, STDERR = 1, 2


class _Nowhere(io.TextIOBase):
    """A stream that forgets; its descriptor is the redirected one, for libraries that ask for it."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str, /) -> int:
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


@contextlib.contextmanager
def separated(*, show_noise: bool) -> Iterator[TextIO]:
    """Yields a stream to the standard error of before; until the end, whatever else is printed goes to standard error
    if `show_noise`, else nowhere. Standard output stays untouched by anybody."""
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(_private(sys.stderr))
        stack.enter_context(_redirected(STDOUT, STDERR if show_noise else None))
        stack.enter_context(contextlib.redirect_stdout(ours if show_noise else _as_text(_Nowhere(STDOUT))))
        if not show_noise:
            stack.enter_context(_redirected(STDERR, None))
            stack.enter_context(contextlib.redirect_stderr(_as_text(_Nowhere(STDERR))))
        yield ours


def _as_text(stream: _Nowhere) -> TextIO:
    return stream  # type: ignore[return-value]  # TextIO is the static face of TextIOBase


@contextlib.contextmanager
def _private(stream: TextIO | None) -> Iterator[TextIO]:
    """`stream` on a descriptor of its own, if it is the process's standard error; else `stream` itself."""
    if stream is None:
        yield _as_text(_Nowhere(STDERR))
        return
    stream.flush()
    try:
        is_standard = stream.fileno() == STDERR
    except (OSError, ValueError):
        is_standard = False
    if not is_standard:
        yield stream
        return
    with open(os.dup(STDERR), "w", encoding=stream.encoding, errors="backslashreplace", buffering=1) as own:
        yield own


@contextlib.contextmanager
def _redirected(descriptor: int, onto: int | None) -> Iterator[None]:
    """`descriptor` leads to `onto`, or nowhere; does nothing where `descriptor` is closed."""
    try:
        saved = os.dup(descriptor)
    except OSError:
        yield
        return
    target = os.open(os.devnull, os.O_WRONLY) if onto is None else os.dup(onto)
    os.dup2(target, descriptor)
    os.close(target)
    try:
        yield
    finally:
        os.dup2(saved, descriptor)
        os.close(saved)
