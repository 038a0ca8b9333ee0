"""Why a model did not pass, as one of ten words, each with the exit code of its kind.

    input     2  no such model, a factory that raises, weights or options that do not fit it
    capture   3  torch cannot turn it into a graph
    rewrite   3  a rewrite that it needs cannot be done or proven
    convert   3  the target refuses an operator or a shape
    parity    4  converted, and not equal to the original
    host      5  the hub, the file system or another machine
    memory    5  more memory than there is, or than was allowed
    timeout   5  more time than was allowed
    crash     1  the process died
    bug       1  an exception that is no MobileDeployError, or an InternalError

The first seven come from the exception's class and the stage it ended; `memory`, `timeout` and `crash` also from how
the process ended, seen from outside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mobiledeploy.errors import (
    CaptureError,
    HostError,
    InputError,
    MobileDeployError,
    ParityError,
    TargetError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from mobiledeploy.records.sweep import OutcomeName, ReasonName

__all__ = ["EXIT_CODES", "location", "outcome_of", "portable", "reason_of"]

EXIT_CODES: dict[ReasonName, int] = {
    "crash": 1,
    "bug": 1,
    "parity": 4,
    "capture": 3,
    "rewrite": 3,
    "convert": 3,
    "host": 5,
    "memory": 5,
    "timeout": 5,
    "input": 2,
}
"""The gravest first: a sweep leaves with the exit code of the first of these that occurred."""

_CLASSES: tuple[tuple[type[BaseException], ReasonName], ...] = (
    (ParityError, "parity"),
    (CaptureError, "capture"),
    (TargetError, "convert"),
    (HostError, "host"),
    (InputError, "input"),
)
_STAGES: tuple[tuple[str, ReasonName], ...] = (
    ("rewrite", "rewrite"),
    ("convert", "convert"),
    ("check", "convert"),
)
# torch's CPU allocator, NumPy, and C++'s new
_OUT_OF_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|Unable to allocate|bad_alloc|Cannot allocate memory"
)


def outcome_of(reason: ReasonName | None) -> OutcomeName:
    """The outcome that belongs to a reason; None is a pass."""
    if reason is None:
        return "passed"
    return {3: "refused", 4: "unequal"}.get(EXIT_CODES[reason], "failed")  # type: ignore[return-value]


def reason_of(error: BaseException, stage: str | None) -> ReasonName:
    """Why an export that raised `error` in `stage` did not pass."""
    if _out_of_memory(error):
        return "memory"
    for kind, reason in _CLASSES:
        if isinstance(error, kind):
            return reason
    if isinstance(error, UnsupportedError):
        return next((reason for beginning, reason in _STAGES if (stage or "").startswith(beginning)), "capture")
    return "bug"


def _out_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def portable(text: str | None) -> str | None:
    """`text` with the files of installed packages named from the package on: a record is read on other machines."""
    return None if text is None else re.sub(r"/[^\s\"'(]*/site-packages/", "", text)


def location(error: BaseException) -> tuple[str | None, str | None]:
    """The operator and the source line (`file.py:12`, from the installed package on) that `error` names, if any."""
    if not isinstance(error, MobileDeployError):
        return None, None
    text = f"{error.what} {error.where or ''}"
    operator = re.search(r"\b(?:aten|prims|higher_order|torchvision)[.:]+\w+(?:\.\w+)?", text)
    first = re.search(r"first at (\w+) `", error.where or "")
    line = re.search(r"[^\s,(`]+\.py:\d+", error.where or "") or re.search(r"[^\s,(`]+\.py:\d+", error.what)
    named = operator[0] if operator else first[1] if first else None
    return named, portable(None if line is None else line[0])
