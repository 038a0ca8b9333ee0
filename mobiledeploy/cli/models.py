"""`mobiledeploy models`: the names that can be exported, and what is known of each."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mobiledeploy.cli.options import JsonFlag
from mobiledeploy.errors import InputError, UnknownModelError
from mobiledeploy.records.codec import encode

if TYPE_CHECKING:
    from mobiledeploy.cli.screen import Screen
    from mobiledeploy.progress import Progress
    from mobiledeploy.sweep.status import ModelStatus

__all__ = ["models"]


def models(
    context: typer.Context,
    pattern: Annotated[
        str | None,
        typer.Argument(
            metavar="PATTERN",
            help="Part of the name, or 'fastvit_s*'; without it FastViT, MobileViT, Mixer and T2T-ViT; '*' for all.",
        ),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="With what is known of each: passed, refused and why, or never tried.")
    ] = False,
    results: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Results of `mobiledeploy sweep`; repeatable. By default the ones that come with mobiledeploy, then "
            "exports/sweep.jsonl.",
        ),
    ] = None,
    _json: JsonFlag = False,
) -> None:
    """List the zoo names that match PATTERN, one per line; with --status a table of what sweeps found."""
    if results and not status:
        raise InputError("--results says nothing without --status", where="--results", remedy="Add --status.")
    screen: Screen = context.obj
    with screen.working() as progress:
        progress.step("Loading libraries")
        from mobiledeploy.sources import list_models

        names = list_models(_glob(pattern))
        rows = _status(names, tuple(results or ()), _glob(pattern), progress) if status else ()
    if rows:
        _show_status(screen, rows)
        return
    if not names:
        raise UnknownModelError(
            f"no model of the zoo matches `{pattern}`",
            where="PATTERN",
            remedy="Try a shorter one with stars, as in '*vit*'; '*' lists all names.",
        )
    screen.lines(names, document={"models": list(names)})


def _status(
    names: tuple[str, ...], files: tuple[Path, ...], pattern: str | None, progress: "Progress"
) -> "tuple[ModelStatus, ...]":
    from mobiledeploy.sweep.status import model_status

    return model_status(names, files=files, pattern=pattern, progress=progress)


def _show_status(screen: "Screen", rows: "tuple[ModelStatus, ...]") -> None:
    from mobiledeploy.report.sweep_tables import status_table

    pairs = [(row.name, record) for row in rows for record in (row.records or (None,))]
    document = {"models": [row.name for row in rows], "status": encode(rows)}
    screen.show(status_table(pairs), document=document)


def _glob(pattern: str | None) -> str | None:
    """A word without any wildcard matches anywhere in a name."""
    return pattern if pattern is None or any(mark in pattern for mark in "*?[") else f"*{pattern}*"
