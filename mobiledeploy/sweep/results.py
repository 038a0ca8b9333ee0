"""The results file of sweeps: one record per line of JSON, only ever appended to.

A line is written whole, under a lock, and flushed to the disk; so the file is right after any interruption, and several
sweeps may write to one file. Of several records of one task the last counts.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path

from mobiledeploy.errors import InputError, OutputError, PackageError
from mobiledeploy.progress import SILENT, Progress
from mobiledeploy.records import codec
from mobiledeploy.records.sweep import SweepRecord, SweepTask

__all__ = ["DEFAULT_RESULTS", "append", "latest", "prepare_results", "read_results", "task_key"]

DEFAULT_RESULTS = Path("exports/sweep.jsonl")
"""Where `sweep` writes and `models --status` looks unless told otherwise."""


def task_key(task: SweepTask) -> str:
    """The same for two tasks whose results would be the same: model, target, options, and the contents of files."""
    return json.dumps(codec.encode(task), sort_keys=True)


def latest(records: Iterable[SweepRecord]) -> dict[str, SweepRecord]:
    """The last record of each task, by `task_key`."""
    return {task_key(record.task): record for record in records}


def read_results(path: Path, *, progress: Progress = SILENT) -> tuple[SweepRecord, ...]:
    """The records of `path` in the order they were written; none where there is no file.

    A line that is no JSON, as a machine that lost power leaves it, is passed over with a warning. Raises InputError
    where the file is no results file, or is one of a newer mobiledeploy.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", where="--results", remedy=_OTHER) from None
    lines = [line for line in lines if line.strip()]
    documents = [_document(line) for line in lines]
    if lines and not (any(isinstance(document, dict) for document in documents) or _begins(lines[0])):
        raise InputError(f"{path} is no results file of a sweep", where="--results", remedy=_OTHER)
    torn = sum(document is None for document in documents)
    if torn:
        progress.warn(f"{torn} line(s) of {path} are cut short and are passed over; their models are tried again.")
    return tuple(
        _record(document, path, number) for number, document in enumerate(documents, 1) if document is not None
    )


_OTHER = "Give a file that `mobiledeploy sweep` made, or the name of a new one."


def _begins(line: bytes) -> bool:
    """Whether `line` is the beginning of a record: the first write to a file can be cut short, too."""
    head = f'{{"schema":"{SweepRecord.schema.partition("/")[0]}/'.encode()
    return line.startswith(head) or head.startswith(line)


def _document(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _record(document: object, path: Path, number: int) -> SweepRecord:
    try:
        return codec.decode(SweepRecord, document, where=f"{path}, line {number}")
    except PackageError as error:
        raise InputError(f"{path} holds another record: {error.what}", where=error.where, remedy=_OTHER) from None


def prepare_results(path: Path) -> None:
    """Makes the folder, sees that the file can be written, and takes away a last line that was cut short.

    Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _Locked(path) as descriptor:
            _trim(descriptor)
    except OSError as error:
        raise _unwritable(path, error) from None


def append(path: Path, record: SweepRecord) -> None:
    """Adds a record; it is on the disk when this returns. Raises OutputError, and leaves no half line then."""
    line = json.dumps(codec.encode(record), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    data = f"{line}\n".encode()
    try:
        with _Locked(path) as descriptor:
            _trim(descriptor)
            if os.write(descriptor, data) != len(data):
                _trim(descriptor)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
    except OSError as error:
        raise _unwritable(path, error) from None


class _Locked:
    """The file open for appending, while nobody else has it so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> int:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _trim(descriptor: int) -> None:
    """Cuts a last line without its end: under the lock nobody can be writing it."""
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0 and os.pread(descriptor, 1, end - 1) != b"\n":
        block = os.pread(descriptor, min(end, 65536), max(0, end - 65536))
        end = max(0, end - 65536) + block.rfind(b"\n") + 1
    if end < size:
        os.ftruncate(descriptor, end)


def _unwritable(path: Path, error: OSError) -> OutputError:
    remedy = "Free some space, and start again: what is done is kept." if error.errno == errno.ENOSPC else _PLACE
    return OutputError(f"cannot write {path}: {error.strerror}", where="--results", remedy=remedy)


_PLACE = "Give a file in a folder that you may write to with --results."
