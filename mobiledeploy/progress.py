"""How a stage tells the person in front of the screen what it is doing, without knowing the screen."""

from __future__ import annotations

from typing import Protocol

__all__ = ["SILENT", "Progress"]


class Progress(Protocol):
    """A stage opens a `step`; whatever it has to say of general interest goes to `note`, warnings to `warn`."""

    def step(self, label: str) -> None:
        """A new step begins, the one before it is done."""

    def note(self, text: str) -> None:
        """Something worth a line of the log."""

    def warn(self, text: str) -> None:
        """Something that cannot be missed; ends in what the reader can do."""


class _Silent:
    def step(self, label: str) -> None: ...

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...


SILENT: Progress = _Silent()
