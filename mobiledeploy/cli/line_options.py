"""Options of `mobiledeploy export` in a line of a sweep's list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

import typer

from mobiledeploy.cli.export import export, export_options
from mobiledeploy.errors import InputError

if TYPE_CHECKING:
    from mobiledeploy.records import ExportOptions

__all__ = ["options_of_line"]

_FIELDS = {"target": "targets"}


def options_of_line(words: Sequence[str], given: ExportOptions) -> ExportOptions:
    """`given` with what `words` say, parsed as the export command parses them.

    Raises InputError for what is no option of it, or one that says where the result goes.
    """
    context = _parsed(words)
    typed = [name for name in context.params if _was_typed(context, name) and name != "model"]
    names = signature(export_options).parameters
    foreign = [name for name in typed if name not in names]
    if foreign:
        option = foreign[0].strip("_").replace("_", "-")
        raise InputError(f"--{option} has no place in a list", remedy="Give it to the command itself, if it has it.")
    wanted = export_options(**{name: context.params[name] for name in names})
    fields = [_FIELDS.get(name, name) for name in typed]
    return replace(given, **{field: getattr(wanted, field) for field in fields})


def _parsed(words: Sequence[str]) -> Any:
    try:
        return _command().make_context("export", ["MODEL", *words])
    except Exception as error:
        # the parser's own complaint; its classes are not public in every release of typer
        message = getattr(error, "format_message", None)
        if not callable(message):
            raise
        raise InputError(
            " ".join(str(message()).split()), remedy="See `mobiledeploy export --help` for the options."
        ) from None


@cache
def _command() -> Any:
    app = typer.Typer(add_completion=False)
    app.command()(export)
    return typer.main.get_command(app)


def _was_typed(context: Any, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
