"""The steps of a stage on the screen: a spinner on a terminal, one line per step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.markup import escape
from rich.panel import Panel

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status

__all__ = ["StepProgress"]


class StepProgress:
    """A `mobiledeploy.progress.Progress`; use as a context manager, so that the last step is closed.

    Args:
        console: where the lines go; a spinner turns there while a step lasts if it is a terminal.
        clock: seconds, monotonic.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.perf_counter) -> None:
        self._console = console
        self._clock = clock
        self._label: str | None = None
        self._started = 0.0
        self._status: Status | None = None

    def step(self, label: str) -> None:
        self._close("[green]✓[/green]")
        self._label, self._started = label, self._clock()
        if self._console.is_terminal:
            self._status = self._console.status(escape(label))
            self._status.start()
        else:
            self._console.print(escape(label), soft_wrap=True)

    def note(self, text: str) -> None:
        self._console.print(f"  [dim]{escape(text)}[/dim]", soft_wrap=not self._console.is_terminal)

    @property
    def is_terminal(self) -> bool:
        return self._console.is_terminal

    def update(self, text: str) -> None:
        """How the step stands now: shown in its place on a terminal, nowhere else."""
        if self._status is not None:
            self._status.update(escape(text))

    def show(self, renderable: RenderableType) -> None:
        """Something to look at, as it is."""
        self._console.print(renderable, soft_wrap=True)

    def warn(self, text: str) -> None:
        self._console.print(Panel(escape(text), title="warning", border_style="yellow", expand=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close("[green]✓[/green]" if kind is None else "[red]✗[/red]")

    def _close(self, mark: str) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._label is not None and self._console.is_terminal:
            seconds = self._clock() - self._started
            self._console.print(f"{mark} {escape(self._label)} [dim]{seconds:.1f} s[/dim]")
        self._label = None
