"""The table of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from mobiledeploy.cli.bench import bench
from mobiledeploy.cli.check import check
from mobiledeploy.cli.convert import convert
from mobiledeploy.cli.diagnose import diagnose
from mobiledeploy.cli.doctor import doctor
from mobiledeploy.cli.export import export
from mobiledeploy.cli.models import models
from mobiledeploy.cli.queue import queue
from mobiledeploy.cli.results import results
from mobiledeploy.cli.run import run
from mobiledeploy.cli.serve import serve
from mobiledeploy.cli.sweep import sweep

__all__ = ["COMMANDS", "app"]

COMMANDS: tuple[Callable[..., Any], ...] = (
    export,
    check,
    diagnose,
    run,
    convert,
    bench,
    serve,
    queue,
    results,
    models,
    sweep,
    doctor,
)

app = typer.Typer(
    name="mobiledeploy",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from mobiledeploy import __version__

        typer.echo(f"mobiledeploy {__version__}")
        raise typer.Exit


# `--debug` is read from the arguments before they are parsed (cli/main.py).
@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show what the libraries print, and the traceback of a bug.")
    ] = False,
) -> None:
    """PyTorch vision model in, iPhone out, with proof at every step."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for command in COMMANDS:
    app.command()(command)
