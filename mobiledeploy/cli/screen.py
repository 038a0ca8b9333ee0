"""What a command shows: its one result on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from mobiledeploy.cli.progress import StepProgress
from mobiledeploy.cli.streams import separated
from mobiledeploy.errors import OutputError

if TYPE_CHECKING:
    from mobiledeploy.cli.failure import Failure

__all__ = ["Screen"]

_CONTROLS = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
_UNSHOWN = dict.fromkeys(_CONTROLS, "\ufffd")
_SPELLED = {code: f"\\u{code:04x}" for code in _CONTROLS}
"""Of a JSON document, where they can stand in texts only."""


class _PatientConsole(Console):
    """A console whose reader may leave early (`| head`): the rest is dropped, and the exit code stays the command's.

    Names of phones, models and files are shown, whatever they hold: what would command the terminal becomes a mark.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else text.translate(_UNSHOWN), style, control)


def _console(**options: Any) -> Console:
    return _PatientConsole(highlight=False, emoji=False, **options)


class Screen:
    """One per process.

    Args:
        as_json: the result, or the error, is one JSON document on standard output.
        debug: libraries may print, and a bug of ours shows its traceback.
    """

    def __init__(self, *, as_json: bool = False, debug: bool = False) -> None:
        self.as_json = as_json
        self.debug = debug
        self._document: dict[str, Any] | None = None

    @contextlib.contextmanager
    def working(self) -> Iterator[StepProgress]:
        """While it lasts nothing but the yielded progress reaches the terminal."""
        with separated(show_noise=self.debug) as stream, StepProgress(_console(file=stream)) as progress:
            yield progress

    def show(self, *renderables: RenderableType, document: dict[str, Any]) -> None:
        """The result: `renderables` for people, `document` with `--json`. Raises OutputError where it cannot go."""
        if self.as_json:
            self._document = document
        else:
            self._write(lambda console: console.print(*renderables, sep="\n"))

    def lines(self, lines: tuple[str, ...], *, document: dict[str, Any]) -> None:
        """The result, one plain line each: nothing wrapped, nothing coloured, made to be piped."""
        if self.as_json:
            self._document = document
        else:
            self._write(lambda console: console.out("\n".join(lines)))

    def close(self) -> None:
        """With `--json`, prints the one document. Raises OutputError if it cannot be written."""
        document, self._document = self._document, None
        if document is not None:
            self._write(lambda console: console.out(_json(document), end=""))

    def fail(self, failure: Failure) -> None:
        """One message on standard error; with `--json` the document says it too, beside what was shown before it."""
        _console(stderr=True).print(_message(failure), soft_wrap=True)
        if self.as_json:
            self._document = (self._document or {}) | {"error": failure.document()}
            with contextlib.suppress(OutputError):
                self.close()

    def _write(self, draw: Callable[[Console], None]) -> None:
        try:
            draw(_console())
        except OSError as error:
            raise OutputError(f"cannot write the result: {error.strerror}", where="standard output") from None


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False).translate(_SPELLED) + "\n"


def _message(failure: Failure) -> str:
    lines = [f"[bold red]error:[/bold red] {escape(failure.what)}"]
    if failure.where:
        lines.append(f"  [bold]where:[/bold] {escape(failure.where)}")
    if failure.remedy:
        lines.append(f"  [bold]remedy:[/bold] {escape(failure.remedy)}")
    return "\n".join(lines)
