"""Calls of `xcrun devicectl`, each with a time limit, and its answers as JSON."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from mobiledeploy.campaign.device_refusals import SOME_PHONE, PhoneName, refusal_of
from mobiledeploy.errors import HostError

__all__ = ["NotOnDeviceError", "answer", "call"]

_CALL_SECONDS = 60.0
_TOLD = 400
_NOT_THERE = ("Failed to retrieve the file node", "does not exist", "No such file")
"""What devicectl says of a file to be copied that is not on the device."""


class NotOnDeviceError(Exception):
    """What was to be copied is not on the device."""


def answer(*arguments: str, phone: PhoneName = SOME_PHONE, seconds: float = _CALL_SECONDS) -> Any:
    """The `result` of the JSON document that devicectl writes. Raises HostError as `call` does, and where the document
    cannot be read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        call(*arguments, "--json-output", str(file), phone=phone, seconds=seconds)
        try:
            return json.loads(file.read_text(encoding="utf-8"))["result"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "Update Xcode: this was written for the JSON of Xcode 15 and later."
            raise HostError(
                f"devicectl's answer cannot be read: {error!r}", where=_named(arguments), remedy=remedy
            ) from None


def call(*arguments: str, phone: PhoneName = SOME_PHONE, seconds: float = _CALL_SECONDS) -> None:
    """Raises HostError with what is wrong and what to do about it, NotOnDeviceError for a file that is not there."""
    command = ["xcrun", "devicectl", *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        remedy = "Use a Mac with Xcode 15 or later, or --device lan, or `results import` of a file from the phone."
        raise HostError("devicectl is not here", where="xcrun", remedy=remedy) from None
    except subprocess.TimeoutExpired:
        remedy = (
            f"Unlock {phone.name}, keep its screen on, and look whether it is still connected; then the command again."
        )
        what = f"devicectl took more than {seconds:g} s"
        raise HostError(what, where=_named(arguments), remedy=remedy) from None
    if done.returncode != 0:
        raise _failure(arguments, f"{done.stderr}\n{done.stdout}", phone)


def _failure(arguments: tuple[str, ...], said: str, phone: PhoneName) -> Exception:
    where = _named(arguments)
    refusal = refusal_of(said, phone)
    if refusal is not None:
        return HostError(refusal.what, where=where, remedy=refusal.remedy)
    if arguments[:3] == ("device", "copy", "from") and any(words in said for words in _NOT_THERE):
        return NotOnDeviceError()
    remedy = "Is the phone unlocked, trusted and in developer mode? See `xcrun devicectl list devices`."
    return HostError(f"devicectl failed: {_tail(said)}", where=where, remedy=remedy)


def _tail(said: str) -> str:
    """From the first line that is an error on, where there is one: what stands before it is progress."""
    lines = [line for line in said.splitlines() if line.strip()]
    first = next((index for index, line in enumerate(lines) if line.startswith("ERROR")), 0)
    return "\n".join(lines[first:])[:_TOLD]


def _named(arguments: tuple[str, ...]) -> str:
    """The subcommand, without options."""
    return " ".join(["xcrun devicectl", *(word for word in arguments[:3] if not word.startswith("-"))])
