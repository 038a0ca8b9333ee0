"""Whatever ended a command early, as one message and one exit code."""

from __future__ import annotations

import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from mobiledeploy.errors import EXIT_INTERRUPTED, InternalError, MobileDeployError

__all__ = ["Failure"]

_USAGE = 2
_BUG = 1


@dataclass(frozen=True)
class Failure:
    """`kind`: the name of the class in `mobiledeploy.errors`, "UsageError" or "Interrupted"."""

    kind: str
    what: str
    where: str | None
    remedy: str | None
    exit_code: int

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The message for any exception."""
        if isinstance(error, InternalError):
            return _bug(error, error.what, error.where)
        if isinstance(error, MobileDeployError):
            return cls(type(error).__name__, error.what, error.where, error.remedy, error.exit_code)
        if isinstance(error, KeyboardInterrupt | typer.Abort):
            return cls("Interrupted", "interrupted", None, None, EXIT_INTERRUPTED)
        usage = getattr(error, "format_message", None)
        if callable(usage):
            return _usage(error, str(usage()))
        return _bug(error, f"{type(error).__name__}: {error}", None)


def _usage(error: BaseException, message: str) -> Failure:
    """The parser's own complaint. Its classes are not public in every release of typer, hence by shape."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "mobiledeploy")
    return Failure("UsageError", " ".join(message.split()), None, f"See `{command} --help`.", _USAGE)


def _bug(error: BaseException, what: str, where: str | None) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    last = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
    remedy = "Please report it, with what `mobiledeploy --debug` followed by the same arguments prints."
    return Failure(type(error).__name__, f"this is a bug of mobiledeploy: {what}", where or last, remedy, _BUG)
