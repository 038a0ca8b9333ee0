"""`mobiledeploy doctor`: what this machine can and cannot do."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen

__all__ = ["doctor"]

_STYLES = {"ok": "green", "missing": "yellow", "unknown": "dim"}


def doctor(
    context: typer.Context,
    output: Annotated[Path, typer.Option(metavar="DIR", help="The output folder to try.")] = Path("exports"),
    _json: JsonFlag = False,
) -> None:
    """Tell what this machine can and cannot do, each with the remedy."""
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("Looking around")
        from mobiledeploy.doctor import Machine, examine

        examination = examine(Machine(output=output))
    table = Table("", "status", "found", "remedy")
    for finding in examination.findings:
        status = f"[{_STYLES[finding.status]}]{finding.status}[/]"
        table.add_row(finding.name, status, escape(finding.detail), escape(finding.remedy or ""))
    screen.show(table, document=encode(examination))
