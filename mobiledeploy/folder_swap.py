"""A folder that is replaced whole: whoever looks sees the old one or the new one, and so does who looks after a crash.

    output/.NAME.1f0c9a2b.partial   ──build──▶   ──fsync──▶   ──exchange with──▶   output/NAME

Linux (`renameat2(RENAME_EXCHANGE)`, Linux 3.15) and macOS (`renamex_np(RENAME_SWAP)`, macOS 10.12) exchange two folders
in one step. Where the file system cannot, the old folder is renamed to `.NAME.1f0c9a2b.old` and the new one to `NAME`;
a crash between the two is mended by `recover`, which everyone calls who opens or writes the folder.

A builder holds an advisory lock on its partial folder, which the kernel drops when the process ends, however it ends.
So a partial folder without a lock is a dead process's, and `sweep` removes it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["exchange", "partial_folder", "put_in_place", "recover", "sweep", "turn"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_RENAME_SWAP = 2  # sys/stdio.h of macOS
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextlib.contextmanager
def partial_folder(output: Path, name: str) -> Iterator[Path]:
    """A new empty hidden folder in `output`, of this process alone; whatever is at its path in the end is removed."""
    path, lock = _claim(output, name)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def put_in_place(partial: Path, final: Path) -> None:
    """Makes `partial` durable, then the folder `final`; an older `final` is left at `partial` or removed.

    Raises OSError, with `final` as it was.
    """
    _synchronize(partial)
    with turn(final.parent):
        if not final.exists():
            partial.rename(final)
        elif not exchange(partial, final):
            _rename_pair(partial, final)
    with contextlib.suppress(OSError):  # it is in place; only its survival of a power cut is less certain
        _synchronize_entry(final.parent)


def _rename_pair(partial: Path, final: Path) -> None:
    aside = partial.with_suffix(".old")
    final.rename(aside)
    try:
        partial.rename(final)
    except OSError:
        aside.rename(final)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def recover(output: Path, name: str) -> None:
    """Puts `output/NAME` back where a crash left it under its name of passage. Does nothing where it cannot."""
    with contextlib.suppress(OSError):
        if not (output / name).exists() and any(path.suffix == ".old" for path in _hidden(output, name)):
            with turn(output):
                asides = [path for path in _hidden(output, name) if path.suffix == ".old"]
                if asides and not (output / name).exists():
                    max(asides, key=lambda path: path.stat().st_mtime_ns).rename(output / name)


def sweep(output: Path, name: str) -> None:
    """Removes what ended processes left of their exports to `output/NAME`; calls `recover` first."""
    recover(output, name)
    for path in _hidden(output, name):
        with contextlib.suppress(OSError):  # a living process holds it, or another one sweeps it at this moment
            lock = _locked(path, required=True)
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def exchange(one: Path, other: Path) -> bool:
    """Exchanges two folders of one file system in one step; False where system or file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        result = libc.renamex_np(os.fsencode(one), os.fsencode(other), _RENAME_SWAP)
    elif hasattr(libc, "renameat2"):
        result = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    else:
        return False
    if result == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))


def _claim(output: Path, name: str) -> tuple[Path, int]:
    """A fresh partial folder and the descriptor that locks it."""
    while True:
        path = output / f".{name}.{secrets.token_hex(4)}.partial"
        path.mkdir()
        try:
            return path, _locked(path, required=False)
        except (BlockingIOError, FileNotFoundError):  # being swept by another process already
            continue
        except BaseException:
            path.rmdir()
            raise


def _locked(folder: Path, *, required: bool) -> int:
    """A descriptor that holds the lock of `folder`.

    Raises BlockingIOError if a living process holds it, FileNotFoundError if the folder is gone, and, where a lock is
    `required`, OSError if the file system has none (some network file systems: there nothing is ever swept).
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            if required:
                raise
        if not os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def turn(output: Path) -> Iterator[None]:
    """One process after the other: the few renames of `put_in_place` and `recover`, and looks at what they rename."""
    descriptor = os.open(output, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _hidden(output: Path, name: str) -> list[Path]:
    pattern = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{8}}\.(partial|old)")
    return sorted(path for path in output.iterdir() if pattern.fullmatch(path.name))


def _synchronize(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for file in files:
            _synchronize_entry(Path(root, file))
        _synchronize_entry(Path(root))


def _synchronize_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
